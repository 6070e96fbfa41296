/* Events that a consumer could not act on, kept for a person. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/commands.h"
#include "liuctl/store_session.h"
#include "wire/unpack.h"

#define PAGE 256
#define COLUMNS 5

struct quarantine {
    struct cli *cli;
    struct session session;
    struct cli_list list;
    bool all; /* those that are settled, too */
    char page[64];
    uint64_t first_kept; /* of the journal: what is older is in the archive */
};

static const char *state_text(struct cli *c, const Ismap__Liu__V1__Quarantined *e)
{
    switch (e->state) {
    case ISMAP__LIU__V1__QUARANTINE_STATE__QUARANTINE_STATE_REQUEUED:
        return arena_printf(&c->arena, c->ja ? "再処理 (%s)" : "requeued by %s", e->settled_by);
    case ISMAP__LIU__V1__QUARANTINE_STATE__QUARANTINE_STATE_DISCARDED:
        return arena_printf(&c->arena, c->ja ? "破棄 (%s)" : "discarded by %s", e->settled_by);
    default:
        if (e->type[0] == '\0')
            return c->ja ? "待ち (再処理不可)" : "waits (cannot be requeued)";
        return c->ja ? "待ち" : "waits";
    }
}

static void take(struct quarantine *q, const char *id, const struct store_record *r)
{
    struct cli *c = q->cli;
    ProtobufCMessage *m = NULL;
    if (wire_unpack(&c->arena, &ismap__liu__v1__quarantined__descriptor, r->value, r->bytes, &m) !=
        ERR_OK) {
        (void)cli_fail(c, CLI_TEMPORARY, c->ja ? "%s を読み取れません" : "%s cannot be read", id);
        return;
    }
    const Ismap__Liu__V1__Quarantined *e = (const void *)m;
    if (!q->all && e->state != ISMAP__LIU__V1__QUARANTINE_STATE__QUARANTINE_STATE_UNSPECIFIED)
        return;
    char *at = arena_alloc(&c->arena, CLI_TIME_BYTES);
    if (at == NULL)
        return;
    cli_time(e->at_ms, at);
    const char *where = c->ja ? (e->seq < q->first_kept ? "書庫" : "Redis")
                              : (e->seq < q->first_kept ? "archive" : "Redis");
    const char *cells[COLUMNS] = {arena_strdup(&c->arena, id), at, where, state_text(c, e),
                                  e->reason};
    cli_list_row(c, &q->list, m, cells);
}

static void on_scan(void *arg, enum err e, const char *next_page, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct quarantine *q = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        take(q, ids[i], &records[i]);
    (void)text_copy(q->page, sizeof q->page, next_page == NULL ? "" : next_page);
    q->session.err = e;
    q->session.done = true;
}

static void on_first(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct quarantine *q = arg;
    q->first_kept = e == ERR_OK && n > 0 ? entries[0].seq : 0;
    q->session.err = e;
    q->session.done = true;
}

static int away(struct quarantine *q)
{
    return cli_fail(q->cli, CLI_TEMPORARY, q->cli->ja ? "Redis に接続できません" : "Redis is away");
}

int cmd_journal_quarantined(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[COLUMNS] = {"CONSUMER/ENTRY", "SINCE", "ENTRY IS IN", "STATE",
                                                 "REASON"};
    static const char *const head_ja[COLUMNS] = {"サービス/記録番号", "日時", "記録の所在", "状態",
                                                 "理由"};
    struct quarantine q = {.cli = c, .all = cli_flag(a, "--all")};
    if (!cli_done(c, a))
        return CLI_USAGE;
    int status = session_open(c, &q.session, true);
    cli_list_begin(c, &q.list, COLUMNS, head_en, head_ja);
    if (status == CLI_OK)
        status = store_entries(q.session.store, 1, UINT64_MAX, 1, on_first, &q) == ERR_OK
                     ? session_wait(&q.session)
                     : away(&q);
    do {
        if (status == CLI_OK)
            status =
                store_scan(q.session.store, RECORD_QUARANTINED, q.page, PAGE, on_scan, &q) == ERR_OK
                    ? session_wait(&q.session)
                    : away(&q);
    } while (status == CLI_OK && q.page[0] != '\0');
    if (status == CLI_OK)
        cli_list_print(c, &q.list);
    session_close(&q.session);
    return status;
}

/* ---- settled: a signed order to the consumer's service */

static const struct {
    const char *consumer;
    enum cli_service service;
} consumers[] = {
    {"intake", CLI_INTAKE},   {"eligibility", CLI_ELIGIBILITY}, {"audit", CLI_AUDIT},
    {"monitor", CLI_MONITOR}, {"ledger", CLI_LEDGER},
};

/* "eligibility/123" as the list shows it. */
static bool parse_id(const char *id, enum cli_service *to, uint64_t *seq)
{
    const char *slash = strchr(id, '/');
    char *end = NULL;
    if (slash == NULL || slash[1] < '0' || slash[1] > '9')
        return false;
    *seq = strtoull(slash + 1, &end, 10);
    for (size_t i = 0; *end == '\0' && i < sizeof consumers / sizeof consumers[0]; i++) {
        size_t n = strlen(consumers[i].consumer);
        *to = consumers[i].service;
        if ((size_t)(slash - id) == n && strncmp(consumers[i].consumer, id, n) == 0)
            return true;
    }
    return false;
}

static int settle(struct cli *c, struct cli_args *a, const ProtobufCMessage *m, uint64_t *seq,
                  char **reason)
{
    const char *why = cli_option(a, "--reason");
    const char *id = cli_next(a);
    enum cli_service to;
    if (!cli_done(c, a))
        return CLI_USAGE;
    if (id == NULL || why == NULL || !parse_id(id, &to, seq))
        return cli_usage(c, c->ja ? "番号(例 eligibility/123)と --reason を指定してください"
                                  : "give the id, as in eligibility/123, and --reason");
    *reason = (char *)(uintptr_t)why;
    return cli_ask(c, to, m, true);
}

int cmd_journal_requeue(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__RequeueEvent m = ISMAP__LIU__V1__REQUEUE_EVENT__INIT;
    return settle(c, a, &m.base, &m.seq, &m.reason);
}

int cmd_journal_discard(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__DiscardEvent m = ISMAP__LIU__V1__DISCARD_EVENT__INIT;
    return settle(c, a, &m.base, &m.seq, &m.reason);
}
