/* Plans, registrations, uses and the registry. */
#include <string.h>

#include "base/text.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "liuctl/commands.h"

static const char *number(struct cli *c, uint32_t n)
{
    return arena_printf(&c->arena, "%u", n);
}

int cmd_plan_show(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetPlan m = ISMAP__LIU__V1__GET_PLAN__INIT;
    bool items = cli_flag(a, "--items");
    const char *revision = cli_option(a, "--revision");
    uint64_t number_of = 0;
    m.case_id = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.case_id == NULL)
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    if (revision != NULL && text_u64(revision, UINT32_MAX, &number_of) != ERR_OK)
        return cli_usage(
            c, c->ja ? "--revision: 数ではありません: %s" : "--revision: not a number: %s",
            revision);
    m.revision = (uint32_t)number_of;
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_AUDIT, &m.base, false, &answer);
    if (c->reply != NULL && c->reply->status == ISMAP__LIU__V1__STATUS__STATUS_NOT_FOUND)
        cli_note(c,
                 c->ja ? "計画は、該当と判断されるとすぐに作られます。判断は liuctl verdict show "
                         "%s、案件の一覧は liuctl case list で確かめてください"
                       : "a plan is made as soon as the verdict is ELIGIBLE: see liuctl verdict "
                         "show %s, and liuctl case list for the cases that you may see",
                 m.case_id);
    if (status != CLI_OK || answer == NULL)
        return status;
    const Ismap__Liu__V1__AuditPlan *p = (void *)answer;
    if (c->json) {
        cli_print(c, answer);
        return CLI_OK;
    }
    static const char *const head_en[] = {"YEAR",     "GOVERNANCE", "MANAGEMENT", "IMPORTANT",
                                          "EXTERNAL", "HOURS",      "INTERNAL",   "HOURS"};
    static const char *const head_ja[] = {"年",       "ガバナンス", "マネジメント", "重要な管理策",
                                          "外部監査", "時間",       "内部監査",     "時間"};
    struct cli_table t = {0};
    cli_table_row(c, &t, 8, c->ja ? head_ja : head_en);
    for (size_t i = 0; i < p->n_loads; i++) {
        const Ismap__Liu__V1__YearLoad *l = p->loads[i];
        const char *cells[] = {number(c, l->year),           number(c, l->governance),
                               number(c, l->management),     number(c, l->important),
                               number(c, l->external_items), number(c, l->external_hours),
                               number(c, l->internal_items), number(c, l->internal_hours)};
        cli_table_row(c, &t, 8, cells);
    }
    cli_table_print(c, &t);
    for (size_t i = 0; items && i < p->n_items; i++)
        (void)printf("%u %s %s %s\n", p->items[i]->year,
                     cli_word(c, &ismap__liu__v1__audit_party__descriptor, (int)p->items[i]->party),
                     p->items[i]->control_id, p->items[i]->reason);
    return CLI_OK;
}

int cmd_register(struct cli *c, struct cli_args *a)
{
    const char *case_id = cli_option(a, "--case");
    const char *path = cli_next(a);
    if (!cli_done(c, a) || path == NULL)
        return cli_usage(c, c->ja ? "本申請のファイルを指定してください"
                                  : "which file holds the application?");
    Ismap__Liu__V1__SubmitRegistration *m =
        (void *)cli_read_message(c, &ismap__liu__v1__submit_registration__descriptor, path);
    if (m == NULL)
        return CLI_INPUT;
    if (case_id != NULL)
        m->case_id = (char *)(uintptr_t)case_id;
    return cli_ask(c, CLI_INTAKE, &m->base, false);
}

int cmd_registry_decide(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__DecideRegistration m = ISMAP__LIU__V1__DECIDE_REGISTRATION__INIT;
    const char *date = cli_option(a, "--date");
    const char *reference = cli_option(a, "--reference");
    const char *reason = cli_option(a, "--reason");
    m.register_ = !cli_flag(a, "--reject");
    m.number = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.number == NULL || date == NULL || reference == NULL)
        return cli_usage(c, c->ja ? "登録番号、--date、--reference を指定してください"
                                  : "give a number, --date and --reference");
    m.committee_date = (char *)(uintptr_t)date;
    m.decision_reference = (char *)(uintptr_t)reference;
    m.reason = (char *)(uintptr_t)(reason == NULL ? "" : reason);
    return cli_ask(c, CLI_INTAKE, &m.base, true);
}

int cmd_use_declare(struct cli *c, struct cli_args *a)
{
    const char *path = cli_next(a);
    if (path == NULL)
        return cli_usage(c, c->ja ? "利用のファイルを指定してください"
                                  : "which file describes the use?");
    const char *listing = cli_option(a, "--number");
    if (!cli_done(c, a))
        return CLI_USAGE;
    Ismap__Liu__V1__DeclareUse *m =
        (void *)cli_read_message(c, &ismap__liu__v1__declare_use__descriptor, path);
    if (m == NULL)
        return CLI_INPUT;
    if (listing != NULL)
        m->number = (char *)(uintptr_t)listing;
    return cli_ask(c, CLI_INTAKE, &m->base, false);
}

static void entry_row(struct cli *c, struct cli_list *l, const Ismap__Liu__V1__RegistryEntry *e)
{
    const char *cells[] = {e->number, e->service_name, e->provider,
                           cli_word(c, &ismap__liu__v1__effective_state__descriptor, (int)e->state),
                           e->valid_until};
    cli_list_row(c, l, &e->base, cells);
}

static void entries_begin(struct cli *c, struct cli_list *l)
{
    static const char *const head_en[] = {"NUMBER", "SERVICE", "PROVIDER", "STATE", "VALID UNTIL"};
    static const char *const head_ja[] = {"登録番号", "サービス", "事業者", "状態", "有効期限"};
    cli_list_begin(c, l, 5, head_en, head_ja);
}

/* The first page tells the place in the journal; the others are no older. */
static const char *registry_rows(struct cli *c, struct cli_list *l, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__Registry *r = (const void *)answer;
    for (size_t i = 0; i < r->n_entries; i++)
        entry_row(c, l, r->entries[i]);
    if (!c->as_of_told)
        cli_note(c, c->ja ? "記録簿の番号 %llu 時点" : "as of journal %llu",
                 (unsigned long long)r->as_of_seq);
    c->as_of_told = true;
    return r->next_page;
}

int cmd_registry_list(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ListRegistry m = ISMAP__LIU__V1__LIST_REGISTRY__INIT;
    struct cli_list l;
    if (!cli_done(c, a))
        return CLI_USAGE;
    entries_begin(c, &l);
    return cli_list_pages(c, CLI_INTAKE, &m.base, &m.page, registry_rows, &l);
}

int cmd_registry_show(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetRegistryEntry m = ISMAP__LIU__V1__GET_REGISTRY_ENTRY__INIT;
    m.number = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.number == NULL)
        return cli_usage(c, c->ja ? "登録番号を指定してください" : "which registration number?");
    return cli_ask(c, CLI_INTAKE, &m.base, false);
}

static bool level_of(const char *text, Ismap__Liu__V1__ImpactLevel *out)
{
    const char *name = text == NULL ? "LOW" : text;
    static const char *const names[] = {"", "LOW", "MODERATE", "HIGH"};
    for (int i = 1; i < 4; i++)
        if (strcasecmp(names[i], name) == 0) {
            *out = (Ismap__Liu__V1__ImpactLevel)i;
            return true;
        }
    return false;
}

static const char *procurable_rows(struct cli *c, struct cli_list *l,
                                   const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__Procurable *p = (const void *)answer;
    for (size_t i = 0; i < p->n_entries; i++)
        entry_row(c, l, p->entries[i]);
    if (p->note_en[0] != '\0' && p->next_page[0] == '\0')
        cli_note(c, "%s", c->ja ? p->note_ja : p->note_en);
    return p->next_page;
}

int cmd_registry_procurable(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__QueryProcurable m = ISMAP__LIU__V1__QUERY_PROCURABLE__INIT;
    struct cli_list l;
    const char *level = cli_option(a, "--level");
    const char *business = cli_option(a, "--business");
    const char *data_class = cli_option(a, "--class");
    m.list = cli_flag(a, "--ismap") ? ISMAP__LIU__V1__REGISTRY_LIST__REGISTRY_LIST_ISMAP
                                    : ISMAP__LIU__V1__REGISTRY_LIST__REGISTRY_LIST_ISMAP_LIU;
    if (!cli_done(c, a))
        return CLI_USAGE;
    if (!level_of(level, &m.level) ||
        (data_class != NULL &&
         (data_class[0] < '1' || data_class[0] > '3' || data_class[1] != '\0')))
        return cli_usage(c, c->ja ? "--level は LOW, MODERATE, HIGH、--class は 1 から 3 です"
                                  : "--level is LOW, MODERATE or HIGH; --class 1 to 3");
    m.data_class = data_class == NULL ? 2 : (uint32_t)(data_class[0] - '0');
    m.business = (char *)(uintptr_t)(business == NULL ? "" : business);
    entries_begin(c, &l);
    return cli_list_pages(c, CLI_INTAKE, &m.base, &m.page, procurable_rows, &l);
}
