/* Reads entries from files and from Redis as one run, and checks what holds them together: no gap,
 * and each link made of the one before (docs/decisions/0003).
 */
#include "liuctl/journal_walk.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
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

/* The link of an entry is made of the link before and the entry's bytes. */
static enum err check_link(struct journal_walk *w, const uint8_t *data, size_t bytes,
                           const uint8_t *link, size_t link_bytes)
{
    enum err e = w->link[0] == '\0' ? link_first(store_epoch(w->session->store), w->link) : ERR_OK;
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
    if (seq != w->seq + 1)
        fault_at(w, seq, "a gap before it");
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
    if (w->entries % 1000 == 0) {
        char detail[48];
        (void)snprintf(detail, sizeof detail, "%llu", (unsigned long long)w->seq);
        cli_wait_tick(&w->wait, detail);
    }
    return e;
}

static enum err on_segment_entry(void *arg, const struct segment_entry *e)
{
    struct journal_walk *w = arg;
    w->from_segments++;
    return take(w, e->pos.seq, e->data, e->bytes, e->link, e->link_bytes);
}

static int walk_segments(struct journal_walk *w)
{
    struct cli *c = w->session->cli;
    const char *dir = c->config.archive_dir[0] == '\0'
                          ? NULL
                          : arena_printf(&c->arena, "%s/%s/journal", c->config.archive_dir,
                                         store_epoch(w->session->store));
    if (dir == NULL || access(dir, F_OK) != 0)
        return CLI_OK;
    struct segment_report report = {0};
    struct err_text why = {""};
    struct buf text;
    buf_init(&text, 1024 * 1024);
    enum err e = segment_walk(dir, on_segment_entry, w, &report, &text, &why);
    if (text.len > 0 && buf_put(&text, "", 1) == ERR_OK)
        w->fault(w->arg, "segments", (const char *)text.data);
    buf_fini(&text);
    return e == ERR_OK || e == ERR_DATA_LOSS ? CLI_OK : cli_fail(c, CLI_TEMPORARY, "%s", why.text);
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
    while (status == CLI_OK && w->seq < head) {
        uint64_t before = w->seq;
        if (store_entries(w->session->store, w->seq + 1, head, PAGE, on_entries, w) != ERR_OK)
            return cli_fail(w->session->cli, CLI_TEMPORARY, "Redis is away");
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
    int status = w->seq == 0 ? walk_segments(w) : CLI_OK;
    if (status == CLI_OK)
        status = walk_stream(w);
    cli_wait_end(&w->wait);
    return status;
}
