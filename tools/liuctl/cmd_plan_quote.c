/* What an audit will be, before the contract (R71): items, hours and a range of costs by year,
 * party, tier and mode; of a case that is only eligible, of a plan, or of files, also two side by
 * side. */
#include <inttypes.h>
#include <string.h>

#include "liuctl/commands.h"
#include "liuctl/plan_out.h"
#include "liuctl/plan_prices.h"

#define ARGS_MAX 600 /* with a --exclude for each control that may be */
#define PARTIES 3
#define COLUMNS 7
#define COLUMNS_BOTH 11

struct share {
    uint32_t items;
    uint64_t hours;
    uint64_t low; /* yen */
    uint64_t high;
};

struct quote {
    int32_t first_year;
    uint32_t years;
    struct share shares[PLAN_YEARS_MAX][PARTIES][CATALOGUE_TIERS][PLAN_MODES];
    struct share all[PARTIES];
    bool priced; /* every item has a price */
};

static void add_to(struct share *s, const struct plan_item *item, const struct plan_price *price)
{
    s->items++;
    s->hours += item->hours;
    s->low += price == NULL ? 0 : item->hours * price->low;
    s->high += price == NULL ? 0 : item->hours * price->high;
}

static void quote_of(const struct plan *plan, const struct catalogue *catalogue, int32_t first_year,
                     const struct plan_prices *prices, struct quote *out)
{
    *out = (struct quote){.first_year = first_year, .years = plan->years, .priced = prices->n > 0};
    for (size_t i = 0; i < plan->n; i++) {
        const struct plan_item *item = &plan->items[i];
        enum catalogue_tier tier = catalogue_find(catalogue, item->control_id)->tier;
        enum plan_mode mode = plan_mode_of(item);
        const struct plan_price *price =
            plan_price_of(prices, (unsigned)item->party, (unsigned)tier, (unsigned)mode);
        out->priced = out->priced && price != NULL;
        add_to(&out->shares[item->year - 1][item->party][tier][mode], item, price);
        add_to(&out->all[item->party], item, price);
    }
}

struct row {
    const char *year;
    const char *party;
    const char *tier;
    const char *mode;
    struct share shares[2];
};

struct print {
    struct cli *cli;
    const struct quote *quotes[2]; /* the second may be NULL */
    struct cli_table table;
};

static const char *cost(const struct print *p, size_t side, const struct share *s)
{
    if (!p->quotes[side]->priced)
        return "-";
    return arena_printf(&p->cli->arena, "%" PRIu64 "..%" PRIu64, s->low, s->high);
}

static json_t *share_json(const struct share *s)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "items", (json_int_t)s->items, "hours",
                     (json_int_t)s->hours, "costLow", (json_int_t)s->low, "costHigh",
                     (json_int_t)s->high);
}

static void print_row(struct print *p, const struct row *r)
{
    struct cli *c = p->cli;
    bool both = p->quotes[1] != NULL;
    if (c->json) {
        json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "year", r->year, "party", r->party, "tier",
                              r->tier, "mode", r->mode);
        json_t *own = share_json(&r->shares[0]);
        (void)json_object_update(j, own);
        json_decref(own);
        if (both)
            (void)json_object_set_new(j, "against", share_json(&r->shares[1]));
        cli_print_json(c, j);
        return;
    }
    const char *cells[COLUMNS_BOTH] = {r->year, r->party, r->tier, r->mode};
    for (size_t side = 0; side < (both ? 2 : 1); side++) {
        const struct share *s = &r->shares[side];
        cells[4 + 3 * side] = arena_printf(&c->arena, "%u", s->items);
        cells[5 + 3 * side] = arena_printf(&c->arena, "%" PRIu64, s->hours);
        cells[6 + 3 * side] = cost(p, side, s);
    }
    if (both)
        cells[10] = arena_printf(&c->arena, "%+" PRId64,
                                 (int64_t)r->shares[1].hours - (int64_t)r->shares[0].hours);
    cli_table_row(c, &p->table, both ? COLUMNS_BOTH : COLUMNS, cells);
}

/* For people in their language, for programs as in the protocol. */
static const char *name_of(const struct cli *c, const ProtobufCEnumDescriptor *d, int value)
{
    return c->json ? cli_enum_name(d, value) : cli_word(c, d, value);
}

static void print_year(struct print *p, uint32_t year, enum plan_party party)
{
    struct cli *c = p->cli;
    const struct quote *q = p->quotes[0];
    for (int tier = CATALOGUE_GOVERNANCE; tier < CATALOGUE_TIERS; tier++)
        for (int mode = PLAN_DESIGN; mode < PLAN_MODES; mode++) {
            struct row r = {.year = arena_printf(&c->arena, "%d", q->first_year + (int32_t)year),
                            .party =
                                name_of(c, &ismap__liu__v1__audit_party__descriptor, (int)party),
                            .tier = name_of(c, &ismap__liu__v1__tier__descriptor, tier),
                            .mode = plan_mode_word((enum plan_mode)mode, c->ja && !c->json),
                            .shares = {q->shares[year][party][tier][mode]}};
            if (p->quotes[1] != NULL)
                r.shares[1] = p->quotes[1]->shares[year][party][tier][mode];
            if (r.shares[0].items > 0 || r.shares[1].items > 0)
                print_row(p, &r);
        }
}

static void print_quotes(struct cli *c, const struct quote *one, const struct quote *other)
{
    static const char *const head_en[] = {"YEAR",    "PARTY",  "TIER",    "MODE",
                                          "ITEMS",   "HOURS",  "COST",    "ITEMS 2",
                                          "HOURS 2", "COST 2", "HOURS +-"};
    static const char *const head_ja[] = {"年",     "主体",       "基準",     "方法",
                                          "項目",   "時間",       "費用(円)", "項目 2",
                                          "時間 2", "費用 2(円)", "時間の差"};
    struct print p = {.cli = c, .quotes = {one, other}};
    const char *all = c->ja && !c->json ? "計" : "ALL";
    uint32_t years = other != NULL && other->years > one->years ? other->years : one->years;
    cli_table_row(c, &p.table, other != NULL ? COLUMNS_BOTH : COLUMNS, c->ja ? head_ja : head_en);
    for (enum plan_party party = PLAN_EXTERNAL; party <= PLAN_INTERNAL; party++) {
        for (uint32_t y = 0; y < years; y++)
            print_year(&p, y, party);
        struct row r = {.year = all,
                        .party = name_of(c, &ismap__liu__v1__audit_party__descriptor, (int)party),
                        .tier = all,
                        .mode = all,
                        .shares = {one->all[party]}};
        if (other != NULL)
            r.shares[1] = other->all[party];
        print_row(&p, &r);
    }
    if (!c->json)
        cli_table_print(c, &p.table);
}

/* Of the plan that stands for a case, or of a file of it. */
static int quote_record(struct cli *c, struct cli_args *a, const struct plan_prices *prices)
{
    struct plan_sources s;
    struct plan_doc d;
    int status = plan_doc_get(c, a, &s, &d);
    struct quote *q = arena_alloc(&c->arena, sizeof *q);
    if (status != CLI_OK || q == NULL)
        return status != CLI_OK ? status : CLI_TEMPORARY;
    quote_of(&d.plan, &s.catalogue, d.first_year, prices, q);
    print_quotes(c, q, NULL);
    return CLI_OK;
}

/* From files: the arguments that both sides share, with this side's catalogue and rulebook. */
static int quote_files(struct cli *c, const struct cli_args *shared, const char *catalogue,
                       const char *rulebook, const char *tier_map, const struct plan_prices *prices,
                       struct quote **out)
{
    char *argv[ARGS_MAX + 6];
    struct cli_args a = {.argv = argv};
    const char *const own[] = {"--catalogue", catalogue,    "--rulebook",
                               rulebook,      "--tier-map", tier_map};
    size_t bytes = catalogue == NULL ? 0 : strlen(catalogue);
    bool oscal = bytes > 5 && strcmp(catalogue + bytes - 5, ".json") == 0;
    for (size_t i = 0; i < 6; i += 2)
        if (own[i + 1] != NULL && (i < 4 || oscal)) {
            argv[a.argc++] = (char *)(uintptr_t)own[i];
            argv[a.argc++] = (char *)(uintptr_t)own[i + 1];
        }
    for (int i = 0; i < shared->argc; i++)
        argv[a.argc++] = shared->argv[i];
    struct plan_sources *s = arena_alloc(&c->arena, sizeof *s);
    *out = arena_alloc(&c->arena, sizeof **out);
    if (s == NULL || *out == NULL)
        return CLI_TEMPORARY;
    struct plan plan;
    struct plan_certificate cert = {0};
    int64_t made_at_ms = 0;
    int status = plan_inputs_read(c, &a, s, &made_at_ms);
    if (status == CLI_OK && !cli_done(c, &a))
        status = CLI_USAGE;
    if (status == CLI_OK)
        status = plan_make_checked(c, s, &plan, &cert);
    if (status != CLI_OK)
        return status;
    quote_of(&plan, &s->catalogue, s->in.first_year, prices, *out);
    plan_certificate_note(c, &cert);
    return CLI_OK;
}

int cmd_plan_quote(struct cli *c, struct cli_args *a)
{
    struct plan_prices *prices = arena_alloc(&c->arena, sizeof *prices);
    if (prices == NULL)
        return CLI_TEMPORARY;
    int status = plan_prices_take(c, a, prices);
    if (status != CLI_OK)
        return status;
    const char *rulebook = cli_option(a, "--rulebook");
    const char *other_rulebook = cli_option(a, "--against-rulebook");
    const char *other_catalogue = cli_option(a, "--against-catalogue");
    if (rulebook == NULL && other_rulebook == NULL && other_catalogue == NULL)
        return quote_record(c, a, prices);
    const char *catalogue = cli_option(a, "--catalogue");
    const char *tier_map = cli_option(a, "--tier-map");
    if (a->argc > ARGS_MAX)
        return cli_usage(c, c->ja ? "引数は %d 個までです" : "at most %d arguments", ARGS_MAX);
    struct quote *one = NULL;
    struct quote *other = NULL;
    status = quote_files(c, a, catalogue, rulebook, tier_map, prices, &one);
    if (status == CLI_OK && (other_rulebook != NULL || other_catalogue != NULL))
        status = quote_files(c, a, other_catalogue != NULL ? other_catalogue : catalogue,
                             other_rulebook != NULL ? other_rulebook : rulebook, tier_map, prices,
                             &other);
    if (status == CLI_OK)
        print_quotes(c, one, other);
    return status;
}
