/* See plan_prices.h. */
#include "liuctl/plan_prices.h"

#include <string.h>

#include "base/rows.h"
#include "base/text.h"
#include "liuctl/plan_sources.h"

#define FIELDS 5

static const char *const parties[] = {"*", "external", "internal"};
static const char *const tiers[] = {"*", "governance", "management", "controls"};
static const char *const modes[] = {"*", "design", "operating", "both"};

static bool word(const char *const *words, size_t n, const char *s, unsigned *out)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], s) == 0) {
            *out = (unsigned)i;
            return true;
        }
    return false;
}

/* NULL, or what is wrong with the line. */
static const char *price_line(char *line, struct plan_price *out)
{
    char *fields[FIELDS + 1];
    size_t n = rows_cut(line, fields, FIELDS + 1);
    if (n > FIELDS)
        return "more than 5 fields: party,tier,mode,low,high";
    if (n != FIELDS)
        return "want 5 fields: party,tier,mode,low,high";
    if (!word(parties, 3, fields[0], &out->party))
        return "party: external, internal or *";
    if (!word(tiers, 4, fields[1], &out->tier))
        return "tier: governance, management, controls or *";
    if (!word(modes, 4, fields[2], &out->mode))
        return "mode: design, operating, both or *";
    if (text_u64(fields[3], PLAN_PRICE_MAX, &out->low) != ERR_OK ||
        text_u64(fields[4], PLAN_PRICE_MAX, &out->high) != ERR_OK || out->low > out->high)
        return "low and high: yen an hour, at most 10000000, low first";
    return NULL;
}

static int read_table(struct cli *c, const char *path, struct plan_prices *out)
{
    struct rows rows;
    char *row;
    char *text = plan_rows_read(c, path);
    if (text == NULL)
        return CLI_INPUT;
    rows_begin(&rows, text, "party,tier,mode,low,high");
    while ((row = rows_next(&rows)) != NULL) {
        const char *bad =
            out->n == PLAN_PRICES_MAX ? "more than 64 rows" : price_line(row, &out->rows[out->n]);
        if (bad != NULL)
            return cli_fail(c, CLI_INPUT, "%s:%u: %s", path, rows.line, bad);
        out->n++;
    }
    return out->n > 0
               ? CLI_OK
               : cli_fail(c, CLI_INPUT, c->ja ? "%s: 単価がありません" : "%s: no prices", path);
}

/* "5000" or "5000..9000", for everything. */
static bool read_range(const char *s, struct plan_price *out)
{
    char low[16];
    const char *dots = strstr(s, "..");
    size_t n = dots != NULL ? (size_t)(dots - s) : strlen(s);
    if (n == 0 || n >= sizeof low)
        return false;
    memcpy(low, s, n);
    low[n] = '\0';
    *out = (struct plan_price){.party = 0};
    return text_u64(low, PLAN_PRICE_MAX, &out->low) == ERR_OK &&
           text_u64(dots != NULL ? dots + 2 : low, PLAN_PRICE_MAX, &out->high) == ERR_OK &&
           out->low <= out->high;
}

int plan_prices_take(struct cli *c, struct cli_args *a, struct plan_prices *out)
{
    const char *range = cli_option(a, "--price-per-hour");
    const char *path = cli_option(a, "--prices");
    *out = (struct plan_prices){.n = 0};
    if (range != NULL && path != NULL)
        return cli_usage(c, c->ja ? "--prices と --price-per-hour はどちらか一方です"
                                  : "either --prices or --price-per-hour");
    if (path != NULL)
        return read_table(c, path, out);
    if (range == NULL)
        return CLI_OK;
    out->n = 1;
    return read_range(range, &out->rows[0])
               ? CLI_OK
               : cli_usage(c,
                           c->ja ? "--price-per-hour: 下限 または 下限..上限 (円、%d まで)"
                                 : "--price-per-hour: LOW or LOW..HIGH, at most %d",
                           PLAN_PRICE_MAX);
}

const struct plan_price *plan_price_of(const struct plan_prices *p, unsigned party, unsigned tier,
                                       unsigned mode)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_price *r = &p->rows[i];
        if ((r->party == 0 || r->party == party) && (r->tier == 0 || r->tier == tier) &&
            (r->mode == 0 || r->mode == mode))
            return r;
    }
    return NULL;
}
