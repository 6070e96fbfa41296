/* What a plan rests on beside rules and results: statements, change notices, incidents. */
#include "ismap/liu/v1/scope.pb-c.h"
#include "liuctl/commands.h"

#define CONTROLS_MAX 256 /* of one incident */
#define WORD(type, value) cli_word(c, &ismap__liu__v1__##type##__descriptor, (int)(value))

static char *lend(const char *s)
{
    return (char *)(uintptr_t)s;
}

static const char *number(struct cli *c, long long n)
{
    return arena_printf(&c->arena, "%lld", n);
}

int cmd_change_submit(struct cli *c, struct cli_args *a)
{
    const char *case_id = cli_option(a, "--case");
    const char *path = cli_next(a);
    ProtobufCMessage *answer = NULL;
    if (!cli_done(c, a) || path == NULL)
        return cli_usage(c, c->ja ? "変更届のファイルを指定してください"
                                  : "which file holds the change notice?");
    Ismap__Liu__V1__SubmitChangeNotice *m =
        (void *)cli_read_message(c, &ismap__liu__v1__submit_change_notice__descriptor, path);
    if (m == NULL)
        return CLI_INPUT;
    if (case_id != NULL)
        m->case_id = lend(case_id);
    int status = cli_request(c, CLI_AUDIT, &m->base, true, &answer);
    const Ismap__Liu__V1__ChangeNoticeReceived *r = (const void *)answer;
    if (status != CLI_OK || r == NULL)
        return status;
    if (c->json)
        cli_print(c, answer);
    else if (r->late_days > 0)
        (void)printf(c->ja ? "%s 期限を %u 日過ぎています\n" : "%s %u days late\n", r->notice_id,
                     r->late_days);
    else
        (void)printf("%s\n", r->notice_id);
    return CLI_OK;
}

int cmd_incident_affects(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__NameAffectedControls m = ISMAP__LIU__V1__NAME_AFFECTED_CONTROLS__INIT;
    const char *reason = cli_option(a, "--reason");
    char *controls[CONTROLS_MAX];
    const char *next = NULL;
    m.incident_id = lend(cli_next(a));
    while (m.n_controls < CONTROLS_MAX && (next = cli_next(a)) != NULL)
        controls[m.n_controls++] = lend(next);
    m.controls = controls;
    if (!cli_done(c, a) || m.incident_id == NULL || reason == NULL)
        return cli_usage(c, c->ja ? "インシデントの番号と --reason を指定してください"
                                  : "give an incident and --reason");
    m.reason = lend(reason);
    return cli_ask(c, CLI_AUDIT, &m.base, true);
}

int cmd_audit_state(struct cli *c, struct cli_args *a)
{
    const char *case_id = cli_option(a, "--case");
    const char *path = cli_next(a);
    ProtobufCMessage *answer = NULL;
    if (!cli_done(c, a) || path == NULL)
        return cli_usage(c, c->ja ? "言明のファイルを指定してください"
                                  : "which file holds the statement?");
    Ismap__Liu__V1__StateAuditScope *m =
        (void *)cli_read_message(c, &ismap__liu__v1__state_audit_scope__descriptor, path);
    if (m == NULL)
        return CLI_INPUT;
    if (case_id != NULL)
        m->case_id = lend(case_id);
    int status = cli_request(c, CLI_AUDIT, &m->base, true, &answer);
    const Ismap__Liu__V1__AuditScopeStated *r = (const void *)answer;
    if (status != CLI_OK || r == NULL)
        return status;
    if (c->json)
        cli_print(c, answer);
    else
        (void)printf(c->ja ? "第%u版、新たに採用 %u\n" : "version %u, newly adopted %u\n",
                     r->version, r->adopted);
    return CLI_OK;
}

int cmd_change_show(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetChangeNotice m = ISMAP__LIU__V1__GET_CHANGE_NOTICE__INIT;
    m.notice_id = lend(cli_next(a));
    if (!cli_done(c, a) || m.notice_id == NULL)
        return cli_usage(c, c->ja ? "変更届の番号を指定してください" : "which change notice?");
    return cli_ask(c, CLI_AUDIT, &m.base, false);
}

static void print_notices(struct cli *c, const Ismap__Liu__V1__AuditScope *s)
{
    static const char *const head_en[] = {"NOTICE", "CHANGED", "KIND", "CONTROLS", "DAYS LATE"};
    static const char *const head_ja[] = {"変更届", "変更日", "種別", "管理策", "遅延日数"};
    struct cli_table t = {0};
    cli_table_row(c, &t, 5, c->ja ? head_ja : head_en);
    for (size_t i = 0; i < s->n_notices; i++) {
        const Ismap__Liu__V1__NoticeRef *n = s->notices[i];
        const char *cells[] = {n->notice_id, n->changed_on, WORD(change_kind, n->kind),
                               number(c, n->controls), number(c, n->late_days)};
        cli_table_row(c, &t, 5, cells);
    }
    if (s->n_notices > 0)
        cli_table_print(c, &t);
}

static void print_statement(struct cli *c, const Ismap__Liu__V1__AuditScope *s)
{
    if (s->version == 0)
        return;
    char at[CLI_TIME_BYTES];
    cli_time(s->stated_at_ms, at);
    (void)printf(c->ja ? "言明 第%u版 %s: 除外 %zu、運用者 %zu、内部監査人 %zu\n"
                       : "stated %u, %s: excluded %zu, operators %zu, auditors %zu\n",
                 s->version, at, s->n_excluded, s->n_operators, s->n_auditors);
    for (size_t i = 0; i < s->n_excluded; i++)
        (void)printf("  %s: %s\n", s->excluded[i]->control_id, s->excluded[i]->reason);
    for (size_t i = 0; i < s->n_inherited; i++)
        (void)printf("  %s <- %s%s\n", s->inherited[i]->control_id, s->inherited[i]->base_number,
                     s->inherited[i]->lapsed_year == 0 ? ""
                     : c->ja                           ? " (失効)"
                                                       : " (lapsed)");
}

static void print_incidents(struct cli *c, const Ismap__Liu__V1__AuditScope *s)
{
    static const char *const head_en[] = {"INCIDENT", "SUSPENDED", "LIFTED", "NAMED BY", "REASON"};
    static const char *const head_ja[] = {"インシデント", "一時停止", "解除", "指定者", "理由"};
    struct cli_table t = {0};
    cli_table_row(c, &t, 5, c->ja ? head_ja : head_en);
    for (size_t i = 0; i < s->n_incidents; i++) {
        const Ismap__Liu__V1__IncidentRef *x = s->incidents[i];
        char at[2][CLI_TIME_BYTES] = {"-", "-"};
        if (x->suspended_at_ms != 0)
            cli_time(x->suspended_at_ms, at[0]);
        if (x->lifted_at_ms != 0)
            cli_time(x->lifted_at_ms, at[1]);
        const char *cells[] = {x->incident_id, arena_strdup(&c->arena, at[0]),
                               arena_strdup(&c->arena, at[1]),
                               x->named_by[0] == '\0' ? "-" : x->named_by, x->reason};
        cli_table_row(c, &t, 5, cells);
    }
    if (s->n_incidents > 0)
        cli_table_print(c, &t);
}

static void print_triggers(struct cli *c, const Ismap__Liu__V1__AuditScope *s)
{
    static const char *const head_en[] = {"CONTROL", "CAUSE", "YEAR", "BY"};
    static const char *const head_ja[] = {"管理策", "事由", "年", "根拠"};
    struct cli_table t = {0};
    cli_table_row(c, &t, 4, c->ja ? head_ja : head_en);
    for (size_t i = 0; i < s->n_triggers; i++) {
        const Ismap__Liu__V1__PlanTrigger *x = s->triggers[i];
        const char *cells[] = {x->control_id, WORD(plan_cause, x->cause), number(c, x->year),
                               x->ref};
        cli_table_row(c, &t, 4, cells);
    }
    if (s->n_triggers > 0)
        cli_table_print(c, &t);
}

int cmd_audit_scope(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetAuditScope m = ISMAP__LIU__V1__GET_AUDIT_SCOPE__INIT;
    ProtobufCMessage *answer = NULL;
    m.case_id = lend(cli_next(a));
    if (!cli_done(c, a) || m.case_id == NULL)
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    int status = cli_request(c, CLI_AUDIT, &m.base, false, &answer);
    const Ismap__Liu__V1__AuditScope *s = (const void *)answer;
    if (status != CLI_OK || s == NULL)
        return status;
    if (c->json) {
        cli_print(c, answer);
        return CLI_OK;
    }
    print_statement(c, s);
    print_notices(c, s);
    print_incidents(c, s);
    print_triggers(c, s);
    return CLI_OK;
}
