/* Results of audits: drafted from the plan, sent, looked at; the problems found. */
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/text.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "liuctl/commands.h"
#include "services/audit/audit_record.h"

#define WORD(type, value) cli_word(c, &ismap__liu__v1__##type##__descriptor, (int)(value))

static char *lend(const char *s)
{
    return (char *)(uintptr_t)s;
}

static const char *number(struct cli *c, long long n)
{
    return arena_printf(&c->arena, "%lld", n);
}

/* ---- sending */

static void print_recorded(struct cli *c, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__ReportRecorded *r = (const void *)answer;
    if (r == NULL)
        return;
    if (c->json) {
        cli_print(c, answer);
        return;
    }
    (void)printf(c->ja ? "%s: %s、計画 %u、実施 %u、理由を付して未実施 %u、説明なし %zu\n"
                       : "%s: %s, planned %u, performed %u, left out with a reason %u, "
                         "unexplained %zu\n",
                 r->report_id, WORD(report_state, r->state), r->planned, r->performed, r->skipped,
                 r->n_unexplained);
    for (size_t i = 0; i < r->n_shortfalls; i++)
        (void)printf("  %s: [%s] %s\n", r->shortfalls[i]->field, r->shortfalls[i]->rule,
                     c->ja ? r->shortfalls[i]->message_ja : r->shortfalls[i]->message_en);
}

/* 1 when the report does not suffice. */
static int send_report(struct cli *c, const ProtobufCMessage *m)
{
    ProtobufCMessage *answer = NULL;
    int status = cli_request(c, CLI_AUDIT, m, true, &answer);
    print_recorded(c, answer);
    const Ismap__Liu__V1__ReportRecorded *r = (const void *)answer;
    return status == CLI_OK && r != NULL &&
                   r->state == ISMAP__LIU__V1__REPORT_STATE__REPORT_STATE_INSUFFICIENT
               ? CLI_NEGATIVE
               : status;
}

static const char *one_file(struct cli *c, struct cli_args *a)
{
    const char *path = cli_next(a);
    if (path != NULL && cli_done(c, a))
        return path;
    (void)cli_usage(c, c->ja ? "報告のファイルを指定してください" : "which file is the report?");
    return NULL;
}

int cmd_audit_submit(struct cli *c, struct cli_args *a)
{
    bool internal = cli_flag(a, "--internal");
    const char *path = one_file(c, a);
    if (path == NULL)
        return CLI_USAGE;
    const ProtobufCMessage *m =
        cli_read_message(c,
                         internal ? &ismap__liu__v1__submit_internal_report__descriptor
                                  : &ismap__liu__v1__submit_audit_report__descriptor,
                         path);
    return m == NULL ? CLI_INPUT : send_report(c, m);
}

/* ---- a draft from the plan: what was planned for the year, as if all of it was done */

static int read_year(struct cli *c, const char *text, const Ismap__Liu__V1__AuditPlan *p,
                     int32_t *year)
{
    int32_t first = audit_record_first_year(p);
    uint64_t v = (uint64_t)first;
    if (text != NULL && text_u64(text, 2999, &v) != ERR_OK)
        return cli_usage(
            c, c->ja ? "--year: 西暦の年ではありません: %s" : "--year: not a civil year: %s", text);
    if ((int32_t)v < first || (int32_t)v >= first + (int32_t)p->years)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "計画は %d 年から %u 年間です" : "the plan begins in %d, %u years",
                        (int)first, p->years);
    *year = (int32_t)v;
    return CLI_OK;
}

static Ismap__Liu__V1__AuditResults *draft_results(struct cli *c,
                                                   const Ismap__Liu__V1__AuditPlan *p,
                                                   Ismap__Liu__V1__AuditParty party, int32_t year)
{
    struct arena *a = &c->arena;
    Ismap__Liu__V1__AuditResults *r = arena_alloc(a, sizeof *r);
    Ismap__Liu__V1__AuditedControl *items = arena_alloc(a, (p->n_items + 1) * sizeof *items);
    Ismap__Liu__V1__AuditedControl **list = arena_alloc(a, (p->n_items + 1) * sizeof *list);
    if (r == NULL || items == NULL || list == NULL)
        return NULL;
    ismap__liu__v1__audit_results__init(r);
    r->controls = list;
    for (size_t i = 0; i < p->n_items; i++) {
        const Ismap__Liu__V1__PlanItem *item = p->items[i];
        if (item->party != party || (int32_t)item->year != year - audit_record_first_year(p) + 1)
            continue;
        Ismap__Liu__V1__AuditedControl *k = &items[r->n_controls];
        ismap__liu__v1__audited_control__init(k);
        k->control_id = item->control_id;
        k->mode = ISMAP__LIU__V1__AUDIT_MODE__AUDIT_MODE_BOTH;
        list[r->n_controls++] = k;
    }
    r->period_start = arena_printf(a, "%d-01-01", (int)year);
    r->period_end = arena_printf(a, "%d-12-31", (int)year);
    char today[DATE_TEXT_BYTES];
    date_format(date_of_ms(clock_wall_ms()), today);
    if (r->period_end != NULL && strcmp(today, r->period_end) < 0)
        r->period_end = arena_strdup(a, today); /* a period is over when it is reported */
    return r;
}

int cmd_audit_draft(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetPlan get = ISMAP__LIU__V1__GET_PLAN__INIT;
    ProtobufCMessage *answer = NULL;
    bool internal = cli_flag(a, "--internal");
    const char *year_text = cli_option(a, "--year");
    get.case_id = lend(cli_next(a));
    if (!cli_done(c, a) || get.case_id == NULL)
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    int status = cli_request(c, CLI_AUDIT, &get.base, false, &answer);
    if (status != CLI_OK || answer == NULL)
        return status;
    const Ismap__Liu__V1__AuditPlan *p = (const void *)answer;
    int32_t year = 0;
    status = read_year(c, year_text, p, &year);
    if (status != CLI_OK)
        return status;
    Ismap__Liu__V1__AuditResults *r =
        draft_results(c, p,
                      internal ? ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_INTERNAL
                               : ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_EXTERNAL,
                      year);
    if (r == NULL)
        return CLI_TEMPORARY;
    Ismap__Liu__V1__SubmitAuditReport ext = ISMAP__LIU__V1__SUBMIT_AUDIT_REPORT__INIT;
    Ismap__Liu__V1__SubmitInternalReport in = ISMAP__LIU__V1__SUBMIT_INTERNAL_REPORT__INIT;
    Ismap__Liu__V1__DocumentRef document = ISMAP__LIU__V1__DOCUMENT_REF__INIT;
    uint8_t none[32] = {0};
    document.reference = lend("https://example.jp/reports/TO-BE-FILLED-IN");
    document.sha256 = (ProtobufCBinaryData){.len = sizeof none, .data = none};
    ext.case_id = in.case_id = get.case_id;
    ext.year = in.year = year;
    ext.results = in.results = r;
    ext.document = in.document = &document;
    c->json = true; /* a file for `audit submit` */
    cli_print(c, internal ? &in.base : &ext.base);
    return CLI_OK;
}

/* ---- looking */

int cmd_audit_get(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetAuditReport m = ISMAP__LIU__V1__GET_AUDIT_REPORT__INIT;
    ProtobufCMessage *answer = NULL;
    m.report_id = lend(cli_next(a));
    if (!cli_done(c, a) || m.report_id == NULL)
        return cli_usage(c, c->ja ? "報告の番号を指定してください" : "which report?");
    int status = cli_request(c, CLI_AUDIT, &m.base, false, &answer);
    if (answer != NULL)
        cli_print(c, answer);
    return status;
}

static void print_problem(struct cli *c, const Ismap__Liu__V1__AuditProblem *p)
{
    (void)printf("  %s %s: %s%s\n", p->resolved_at_ms == 0 ? "!" : "-", p->id,
                 c->ja ? p->why_ja : p->why_en,
                 p->resolved_at_ms == 0 ? "" : (c->ja ? "(解決済)" : " (resolved)"));
    for (size_t i = 0; i < p->n_controls; i++)
        (void)printf("%s%s", i == 0 ? "      " : " ", p->controls[i]);
    if (p->n_controls > 0)
        (void)printf("\n");
}

static void print_years(struct cli *c, const Ismap__Liu__V1__AuditStanding *s)
{
    static const char *const head_en[] = {"YEAR", "PARTY", "STATE", "FINDINGS", "DUE", "REPORT"};
    static const char *const head_ja[] = {"年", "主体", "状態", "発見事項", "期限", "報告"};
    struct cli_table t = {0};
    cli_table_row(c, &t, 6, c->ja ? head_ja : head_en);
    for (size_t i = 0; i < s->n_years; i++) {
        const Ismap__Liu__V1__YearReport *y = s->years[i];
        const char *cells[] = {number(c, y->year),
                               WORD(audit_party, y->party),
                               WORD(report_state, y->state),
                               number(c, y->findings),
                               y->due_on,
                               y->report_id};
        cli_table_row(c, &t, 6, cells);
    }
    if (s->n_years > 0)
        cli_table_print(c, &t);
}

static void print_standing(struct cli *c, const Ismap__Liu__V1__AuditStandingAnswer *m)
{
    const Ismap__Liu__V1__AuditStanding *s = m->standing;
    (void)printf(c->ja ? "%s %s %s: 統制目標 %u、網羅 %u、超過 %zu\n"
                       : "%s %s %s: objectives %u, covered %u, overdue %zu\n",
                 s->case_id, s->provider, s->number[0] == '\0' ? "-" : s->number, m->objectives,
                 m->covered, m->n_overdue);
    print_years(c, s);
    for (size_t i = 0; i < m->n_overdue; i++)
        (void)printf(c->ja ? "  超過: %s (最後の監査 %s)\n" : "  overdue: %s (last audited %s)\n",
                     m->overdue[i]->control_id,
                     m->overdue[i]->last_year == 0 ? (c->ja ? "なし" : "never")
                                                   : number(c, m->overdue[i]->last_year));
    for (size_t i = 0; i < s->n_findings; i++) {
        const Ismap__Liu__V1__AuditFinding *f = s->findings[i]->finding;
        (void)printf("  %s %d %s [%s] %s\n", f->finding_id, (int)s->findings[i]->year,
                     f->control_id, WORD(finding_severity, f->severity), f->description);
    }
    for (size_t i = 0; i < s->n_problems; i++)
        print_problem(c, s->problems[i]);
}

int cmd_audit_show(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetAuditStanding m = ISMAP__LIU__V1__GET_AUDIT_STANDING__INIT;
    ProtobufCMessage *answer = NULL;
    m.case_id = lend(cli_next(a));
    if (!cli_done(c, a) || m.case_id == NULL)
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    int status = cli_request(c, CLI_AUDIT, &m.base, false, &answer);
    const Ismap__Liu__V1__AuditStandingAnswer *s = (const void *)answer;
    if (status != CLI_OK || s == NULL || s->standing == NULL)
        return status;
    if (c->json)
        cli_print(c, answer);
    else
        print_standing(c, s);
    return CLI_OK;
}

int cmd_audit_problems(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ListAuditProblems m = ISMAP__LIU__V1__LIST_AUDIT_PROBLEMS__INIT;
    m.all = cli_flag(a, "--all");
    m.page = lend("");
    if (!cli_done(c, a))
        return CLI_USAGE;
    do {
        ProtobufCMessage *answer = NULL;
        int status = cli_request(c, CLI_AUDIT, &m.base, false, &answer);
        if (status != CLI_OK || answer == NULL)
            return status;
        const Ismap__Liu__V1__AuditProblemList *l = (const void *)answer;
        for (size_t i = 0; i < l->n_standings; i++) {
            const Ismap__Liu__V1__AuditStanding *s = l->standings[i];
            if (c->json) {
                cli_print(c, &s->base);
                continue;
            }
            (void)printf("%s %s %s\n", s->case_id, s->provider, s->number);
            for (size_t k = 0; k < s->n_problems; k++)
                if (m.all || s->problems[k]->resolved_at_ms == 0)
                    print_problem(c, s->problems[k]);
        }
        m.page = l->next_page;
    } while (m.page[0] != '\0');
    return CLI_OK;
}

int cmd_audit_resolve(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ResolveAuditProblem m = ISMAP__LIU__V1__RESOLVE_AUDIT_PROBLEM__INIT;
    const char *reason = cli_option(a, "--reason");
    ProtobufCMessage *answer = NULL;
    m.case_id = lend(cli_next(a));
    m.problem_id = lend(cli_next(a));
    if (!cli_done(c, a) || m.problem_id == NULL || reason == NULL)
        return cli_usage(c, c->ja ? "案件番号、問題の番号、--reason を指定してください"
                                  : "give a case, a problem and --reason");
    m.resolution = lend(reason);
    return cli_request(c, CLI_AUDIT, &m.base, true, &answer);
}
