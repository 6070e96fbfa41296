/* Events that a consumer could not act on, kept for a person. */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/commands.h"
#include "liuctl/store_session.h"
#include "wire/unpack.h"

#define PAGE 256
#define COLUMNS 4

struct quarantine {
    struct cli *cli;
    struct session session;
    struct cli_list list;
    char page[64];
    uint64_t first_kept; /* of the journal: what is older is in the archive */
};

static void take(struct quarantine *q, const char *id, const struct store_record *r)
{
    struct cli *c = q->cli;
    ProtobufCMessage *m = NULL;
    if (wire_unpack(&c->arena, &ismap__liu__v1__quarantined__descriptor, r->value, r->bytes, &m) !=
        ERR_OK) {
        (void)cli_fail(c, CLI_TEMPORARY, "%s cannot be read", id);
        return;
    }
    const Ismap__Liu__V1__Quarantined *e = (const void *)m;
    char *at = arena_alloc(&c->arena, CLI_TIME_BYTES);
    if (at == NULL)
        return;
    cli_time(e->at_ms, at);
    const char *where = c->ja ? (e->seq < q->first_kept ? "書庫" : "Redis")
                              : (e->seq < q->first_kept ? "archive" : "Redis");
    const char *cells[COLUMNS] = {arena_strdup(&c->arena, id), at, where, e->reason};
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
    static const char *const head_en[COLUMNS] = {"CONSUMER/ENTRY", "SINCE", "ENTRY IS IN",
                                                 "REASON"};
    static const char *const head_ja[COLUMNS] = {"サービス/記録番号", "日時", "記録の所在", "理由"};
    struct quarantine q = {.cli = c};
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
