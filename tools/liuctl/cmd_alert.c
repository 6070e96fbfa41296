/* Alerts as a feed pushes them, and what operators do about incidents. */
#include <string.h>

#include "base/text.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "liuctl/commands.h"

static bool u64_option(struct cli *c, struct cli_args *a, const char *name, uint64_t fallback,
                       uint64_t *out)
{
    const char *text = cli_option(a, name);
    *out = fallback;
    if (text == NULL || text_u64(text, UINT64_MAX, out) == ERR_OK)
        return true;
    (void)cli_usage(c, c->ja ? "%s: 数ではありません: %s" : "%s: not a number: %s", name, text);
    return false;
}

/* The file is a PushAlerts; --lane, --epoch and --first-seq override what it says. */
int cmd_alert_push(struct cli *c, struct cli_args *a)
{
    const char *lane = cli_option(a, "--lane");
    uint64_t epoch;
    uint64_t first;
    if (!u64_option(c, a, "--epoch", 0, &epoch) || !u64_option(c, a, "--first-seq", 0, &first))
        return CLI_USAGE;
    const char *path = cli_next(a);
    if (path == NULL || !cli_done(c, a) ||
        (lane != NULL && strcmp(lane, "urgent") != 0 && strcmp(lane, "bulk") != 0))
        return cli_usage(c, c->ja ? "通報のファイルを指定してください (--lane urgent か bulk)"
                                  : "give a file with alerts; --lane is urgent or bulk");
    Ismap__Liu__V1__PushAlerts *m =
        (void *)cli_read_message(c, &ismap__liu__v1__push_alerts__descriptor, path);
    if (m == NULL)
        return CLI_INPUT;
    if (lane != NULL)
        m->lane = strcmp(lane, "urgent") == 0 ? ISMAP__LIU__V1__LANE__LANE_URGENT
                                              : ISMAP__LIU__V1__LANE__LANE_BULK;
    if (epoch != 0)
        m->epoch = epoch;
    if (first != 0)
        m->first_seq = first;
    return cli_ask(c, m->lane == ISMAP__LIU__V1__LANE__LANE_URGENT ? CLI_URGENT : CLI_BULK,
                   &m->base, false);
}

/* A tree leaves out what has its default; that nobody could grade it is worth a line. */
static void print_ungraded(const struct cli *c, const Ismap__Liu__V1__Incident *n)
{
    if (!c->json && n != NULL && n->severity == ISMAP__LIU__V1__SEVERITY__SEVERITY_UNSPECIFIED)
        (void)printf("  severity: %s\n",
                     cli_word(c, &ismap__liu__v1__severity__descriptor, (int)n->severity));
}

int cmd_incident_show(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetIncident m = ISMAP__LIU__V1__GET_INCIDENT__INIT;
    m.incident_id = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.incident_id == NULL)
        return cli_usage(c, c->ja ? "インシデント番号を指定してください" : "which incident?");
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_MONITOR, &m.base, false, &answer);
    cli_print(c, answer);
    if (status == CLI_OK && answer != NULL)
        print_ungraded(c, ((const Ismap__Liu__V1__IncidentAnswer *)(const void *)answer)->incident);
    return status;
}

static const char *incident_rows(struct cli *c, struct cli_list *l, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__IncidentList *list = (const void *)answer;
    for (size_t i = 0; i < list->n_incidents; i++) {
        const Ismap__Liu__V1__Incident *n = list->incidents[i];
        const char *cells[] = {
            n->id,
            n->number,
            cli_word(c, &ismap__liu__v1__incident_state__descriptor, (int)n->state),
            cli_word(c, &ismap__liu__v1__severity__descriptor, (int)n->severity),
            n->rings ? "!" : "",
            arena_printf(&c->arena, "%zu", n->n_sources),
            c->ja ? n->why_ja : n->why_en};
        cli_list_row(c, l, &n->base, cells);
    }
    return list->next_page;
}

int cmd_incident_list(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[] = {"INCIDENT", "NUMBER",  "STATE", "SEVERITY",
                                          "RINGS",    "SOURCES", "WHY"};
    static const char *const head_ja[] = {"インシデント", "登録番号", "状態", "重大度",
                                          "警報",         "通報",     "理由"};
    Ismap__Liu__V1__ListIncidents m = ISMAP__LIU__V1__LIST_INCIDENTS__INIT;
    struct cli_list l;
    m.open_only = cli_flag(a, "--open");
    if (!cli_done(c, a))
        return CLI_USAGE;
    cli_list_begin(c, &l, 7, head_en, head_ja);
    return cli_list_pages(c, CLI_MONITOR, &m.base, &m.page, incident_rows, &l);
}

int cmd_incident_confirm(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ConfirmIncident m = ISMAP__LIU__V1__CONFIRM_INCIDENT__INIT;
    const char *reason = cli_option(a, "--reason");
    m.incident_id = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.incident_id == NULL || reason == NULL)
        return cli_usage(c, c->ja ? "インシデント番号と --reason を指定してください"
                                  : "give an incident and --reason");
    if (!c->dry_run &&
        !cli_confirm(c, c->ja ? "確定しますか (抑止中の一時停止は実行されます)"
                              : "Confirm (a suspension held by the brake takes effect)?"))
        return CLI_USAGE;
    m.reason = (char *)(uintptr_t)reason;
    return cli_ask(c, CLI_MONITOR, &m.base, true);
}

int cmd_incident_lift(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__LiftSuspension m = ISMAP__LIU__V1__LIFT_SUSPENSION__INIT;
    const char *reason = cli_option(a, "--reason");
    const char *basis = cli_option(a, "--basis");
    const char *date = cli_option(a, "--date");
    m.number = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.number == NULL || reason == NULL || basis == NULL || date == NULL)
        return cli_usage(c, c->ja ? "登録番号、--reason、--basis、--date を指定してください"
                                  : "give a number, --reason, --basis and --date");
    if (!c->dry_run && !cli_confirm(c, c->ja ? "一時停止を解除しますか" : "Lift the suspension?"))
        return CLI_USAGE;
    m.reason = (char *)(uintptr_t)reason;
    m.basis = (char *)(uintptr_t)basis;
    m.decided_on = (char *)(uintptr_t)date;
    return cli_ask(c, CLI_MONITOR, &m.base, true);
}

int cmd_incident_suspend(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__SuspendService m = ISMAP__LIU__V1__SUSPEND_SERVICE__INIT;
    const char *reason = cli_option(a, "--reason");
    const char *basis = cli_option(a, "--basis");
    m.number = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.number == NULL || reason == NULL || basis == NULL)
        return cli_usage(c, c->ja ? "登録番号、--reason、--basis を指定してください"
                                  : "give a number, --reason and --basis");
    if (!c->dry_run &&
        !cli_confirm(c, c->ja ? "登録を一時停止しますか" : "Suspend the registration?"))
        return CLI_USAGE;
    m.reason = (char *)(uintptr_t)reason;
    m.basis = (char *)(uintptr_t)basis;
    return cli_ask(c, CLI_MONITOR, &m.base, true);
}
