/* Reads entries from files and from Redis as one run, and checks what holds them together: no gap,
 * and each link made of the one before (docs/decisions/0003).
 */
#include "liuctl/journal_walk.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "liuctl/fault_lines.h"
#include "services/ledger/journal_begins.h"
#include "services/ledger/segment.h"
#include "store/link.h"
#include "wire/unpack.h"

#define PAGE 512

static void fault_at(struct journal_walk *w, uint64_t seq, const char *what)
{
    char where[40];
    (void)snprintf(where, sizeof where, "entry %llu", (unsigned long long)seq);
    w->fault(w->arg, where, what);
}

/* The link of an entry is made of the link before and the entry's bytes. Where the entry before is
 * not there, it is taken as it is. */
static enum err check_link(struct journal_walk *w, const uint8_t *data, size_t bytes,
                           const uint8_t *link, size_t link_bytes)
{
    enum err e = ERR_OK;
    if (w->link[0] == '\0' && w->seq > 1 && link_bytes == LINK_DIGITS) {
        memcpy(w->link, link, LINK_DIGITS);
        return ERR_OK;
    }
    if (w->link[0] == '\0')
        e = link_first(store_epoch(w->session->store), w->link);
    if (e == ERR_OK)
        e = link_next(w->link, data, bytes, w->link);
    if (e == ERR_OK && (link_bytes != LINK_DIGITS || memcmp(w->link, link, link_bytes) != 0))
        fault_at(w, w->seq,
                 "its link does not follow from the entry before: one of the two was changed");
    return e;
}

static enum err take(struct journal_walk *w, uint64_t seq, const uint8_t *data, size_t bytes,
                     const uint8_t *link, size_t link_bytes)
{
    struct arena a;
    ProtobufCMessage *m = NULL;
    if (seq <= w->seq)
        return ERR_OK;
    if (seq != w->seq + 1 && !(w->late && w->seq == 0)) {
        fault_at(w, seq, "a gap before it");
        w->link[0] = '\0';
    }
    if (w->first == 0)
        w->first = seq;
    w->seq = seq;
    w->entries++;
    enum err e = check_link(w, data, bytes, link, link_bytes);
    struct store_entry raw = {seq, data, bytes, link, link_bytes};
    if (e == ERR_OK && w->raw != NULL)
        e = w->raw(w->arg, &raw);
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    if (wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, data, bytes, &m) != ERR_OK)
        fault_at(w, seq, "cannot be read");
    if (e == ERR_OK)
        e = w->entry(w->arg, seq, (const void *)m);
    arena_fini(&a);
    if (w->entries % 100 == 0)
        cli_wait_count(&w->wait, w->entries, w->head > w->snapshot ? w->head - w->snapshot : 0);
    return e;
}

static enum err on_segment_entry(void *arg, const struct segment_entry *e)
{
    struct journal_walk *w = arg;
    w->from_segments++;
    return take(w, e->pos.seq, e->data, e->bytes, e->link, e->link_bytes);
}

static enum err take_snapshot(struct journal_walk *w, struct snapshot *s)
{
    const struct snapshot_head *h = snapshot_head_of(s);
    struct snapshot_record r;
    bool end = false;
    enum err e = snapshot_next(s, &r, &end);
    while (e == ERR_OK && !end) {
        e = w->record(w->arg, &r);
        if (e == ERR_OK)
            e = snapshot_next(s, &r, &end);
    }
    w->seq = w->snapshot = h->seq;
    memcpy(w->link, h->link, sizeof w->link);
    return e;
}

/* All snapshots are looked at, so that one that is not good is told even when a newer one is. */
static enum err from_snapshot(struct journal_walk *w, const char *dir, uint8_t digest[SHA256_BYTES],
                              struct buf *text, struct err_text *why)
{
    struct snapshot_report report;
    struct snapshot *s = NULL;
    const char *epoch = store_epoch(w->session->store);
    enum err e = snapshot_survey(dir, epoch, &report, text, why);
    if (e == ERR_OK)
        e = snapshot_newest(dir, epoch, &s, NULL, why);
    if (e == ERR_OK && s != NULL) {
        memcpy(digest, snapshot_head_of(s)->segment, SHA256_BYTES);
        e = take_snapshot(w, s);
    }
    snapshot_close(s);
    return e;
}

static void tell_fault(void *arg, const char *line)
{
    const struct journal_walk *w = arg;
    w->fault(w->arg, "archive", line);
}

static int run_again(struct cli *c)
{
    return cli_fail(c, CLI_TEMPORARY, "%s",
                    c->ja ? "読み取り中に、保存期間を過ぎた記録が台帳により削除されました。もう一度"
                            "実行してください"
                          : "the ledger removed segments while they were read, their period being "
                            "over: run it again");
}

static int walk_segments(struct journal_walk *w)
{
    struct cli *c = w->session->cli;
    const char *epoch = store_epoch(w->session->store);
    uint8_t digest[SHA256_BYTES];
    const char *dir = c->config.archive_dir[0] == '\0'
                          ? NULL
                          : arena_printf(&c->arena, "%s/%s", c->config.archive_dir, epoch);
    const char *journal = dir == NULL ? NULL : arena_printf(&c->arena, "%s/journal", dir);
    if (journal == NULL || access(journal, F_OK) != 0)
        return CLI_OK;
    struct segment_report report = {0};
    struct err_text why = {""};
    struct buf text;
    buf_init(&text, 1024 * 1024);
    enum err e = w->record == NULL ? ERR_OK : from_snapshot(w, dir, digest, &text, &why);
    uint64_t first = 0;
    /* who did not say late has looked before: it began with 1; what is damaged the walk tells */
    if (e == ERR_OK && w->record == NULL && !w->late &&
        journal_begins(dir, 0, &first, NULL) == ERR_OK && first > 1)
        e = ERR_AGAIN;
    struct segment_range range = {
        .after = w->seq, .digest = digest, .epoch = epoch, .entry = on_segment_entry, .arg = w};
    if (e == ERR_OK)
        e = segment_walk_range(journal, &range, &report, &text, &why);
    fault_lines(&text, c->ja, tell_fault, w);
    buf_fini(&text);
    if (e == ERR_AGAIN)
        return run_again(c);
    return e == ERR_OK || e == ERR_DATA_LOSS
               ? CLI_OK
               : cli_fail(c, CLI_TEMPORARY, "%s", why.text[0] == '\0' ? err_name(e) : why.text);
}

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct journal_walk *w = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        e = take(w, entries[i].seq, entries[i].data, entries[i].bytes, entries[i].link,
                 entries[i].link_bytes);
    w->session->err = e;
    w->session->done = true;
}

static int walk_stream(struct journal_walk *w)
{
    uint64_t head = 0;
    int status = session_head(w->session, &head);
    if (w->upto != 0 && head > w->upto)
        head = w->upto;
    w->head = head;
    if (status == CLI_OK && w->seq > head && w->upto == 0)
        fault_at(w, w->seq, "is in the archive, but the journal ends before it: entries were lost");
    while (status == CLI_OK && w->seq < head) {
        uint64_t before = w->seq;
        if (store_entries(w->session->store, w->seq + 1, head, PAGE, on_entries, w) != ERR_OK)
            return cli_redis_away(w->session->cli);
        status = session_wait(w->session);
        if (status == CLI_OK && w->seq == before) {
            w->fault(w->arg, "journal",
                     "entries are missing before its head (archived? configure archive_dir)");
            break;
        }
    }
    return status;
}

int journal_walk(struct journal_walk *w)
{
    struct cli *c = w->session->cli;
    cli_wait_begin(c, &w->wait, c->ja ? "記録簿の読み取り" : "the journal to be read");
    int status = w->seq == 0 ? session_head(w->session, &w->head) : CLI_OK;
    if (status == CLI_OK && w->seq == 0)
        status = walk_segments(w);
    if (status == CLI_OK)
        status = walk_stream(w);
    cli_wait_end(&w->wait);
    return status;
}
