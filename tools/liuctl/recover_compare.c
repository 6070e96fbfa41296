/* Where the journal in Redis and the archive part. Redis' links are kept in memory, 40 bytes an
 * entry of the hot part; the archive is walked once. */
#include <stdlib.h>
#include <string.h>

#include "liuctl/journal_walk.h"
#include "liuctl/recover.h"
#include "store/link.h"
#include "store/reply.h"

#define PAGE 512
#define LINKS_BYTES_MAX (1024u * 1024 * 1024)
#define ENTRY_BYTES_MAX (8u * 1024 * 1024)

struct compare {
    struct session *session;
    struct recover_found *found;
    struct buf links;             /* of first to last, LINK_DIGITS each */
    struct buf entry;             /* bytes of the first */
    char link[LINK_DIGITS + 1];   /* of the last */
    char before[LINK_DIGITS + 1]; /* the archive's, of the entry before the first */
    uint64_t last;                /* Redis' entries follow from each other up to here */
    uint64_t differs;             /* first that the archive has otherwise; 0 = none */
    bool ended;
    size_t faults;
};

uint64_t recover_upto(const struct recover_found *f)
{
    return f->archived > f->right ? f->archived : f->right;
}

/* ---- Redis */

static void on_head(void *arg, enum err e, const struct redisReply *reply)
{
    struct compare *k = arg;
    struct recover_found *f = k->found;
    const char *text = e == ERR_OK ? reply_text(reply) : NULL;
    struct head head;
    size_t n = text == NULL ? 0 : strlen(text);
    if (e == ERR_OK && (n == 0 || n >= sizeof f->head_text || head_parse(text, n, &head) != ERR_OK))
        e = ERR_DATA_LOSS;
    if (e == ERR_OK) {
        memcpy(f->head_text, text, n + 1);
        f->head = head.seq;
        f->halted = n > 7 && strcmp(text + n - 7, " halted") == 0;
    }
    k->session->err = e;
    k->session->done = true;
}

static enum err follow(struct compare *k, const struct store_entry *s)
{
    char next[LINK_DIGITS + 1];
    if (s->link_bytes != LINK_DIGITS || (k->last != 0 && s->seq != k->last + 1)) {
        k->ended = true;
        return ERR_OK;
    }
    enum err e = k->last == 0 ? buf_put(&k->entry, s->data, s->bytes)
                              : link_next(k->link, s->data, s->bytes, next);
    if (e == ERR_OK && k->last != 0 && memcmp(next, s->link, LINK_DIGITS) != 0) {
        k->ended = true;
        return ERR_OK;
    }
    if (k->last == 0)
        k->found->first = s->seq;
    k->last = s->seq;
    memcpy(k->link, s->link, LINK_DIGITS);
    return e == ERR_OK ? buf_put(&k->links, s->link, LINK_DIGITS) : e;
}

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct compare *k = arg;
    k->ended = k->ended || n == 0;
    for (size_t i = 0; e == ERR_OK && i < n && !k->ended; i++)
        e = follow(k, &entries[i]);
    k->session->err = e;
    k->session->done = true;
}

static int read_redis(struct compare *k)
{
    struct session *s = k->session;
    struct key head;
    key_head(&head, s->cli->config.partition);
    const char *get[] = {"GET", head.text};
    int status = session_raw(s, 2, get, on_head, k);
    while (status == CLI_OK && !k->ended && k->last < k->found->head) {
        if (store_entries(s->store, k->last + 1, k->found->head, PAGE, on_entries, k) != ERR_OK)
            return cli_redis_away(s->cli);
        status = session_wait(s);
    }
    return status;
}

/* ---- the archive */

static enum err on_raw(void *arg, const struct store_entry *e)
{
    struct compare *k = arg;
    uint64_t first = k->found->first;
    if (e->link_bytes != LINK_DIGITS || first == 0)
        return ERR_OK;
    if (e->seq + 1 == first)
        memcpy(k->before, e->link, LINK_DIGITS);
    if (k->differs == 0 && e->seq >= first && e->seq <= k->last &&
        memcmp(k->links.data + (e->seq - first) * LINK_DIGITS, e->link, LINK_DIGITS) != 0)
        k->differs = e->seq;
    return ERR_OK;
}

static enum err on_entry(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *e)
{
    (void)arg;
    (void)seq;
    (void)e;
    return ERR_OK;
}

static void on_fault(void *arg, const char *where, const char *what)
{
    struct compare *k = arg;
    k->faults++;
    (void)cli_fail(k->session->cli, CLI_REFUSED, "%s: %s", where, what);
}

static int read_archive(struct compare *k)
{
    struct cli *c = k->session->cli;
    struct journal_walk w = {.session = k->session,
                             .entry = on_entry,
                             .raw = on_raw,
                             .fault = on_fault,
                             .arg = k,
                             .upto = 1,
                             .late = true};
    if (c->config.archive_dir[0] == '\0')
        return cli_fail(c, CLI_USAGE,
                        c->ja ? "設定に archive_dir (台帳の書庫)がありません"
                              : "archive_dir, the ledger's, is not configured");
    int status = journal_walk(&w);
    k->found->archived = w.from_segments == 0 ? 0 : w.seq;
    k->found->begins = w.first;
    if (status == CLI_OK && k->faults > 0)
        status = cli_fail(c, CLI_REFUSED,
                          c->ja ? "書庫に欠陥があるため、ここからは復旧できません。liuctl restore "
                                  "で最後のバックアップから復元してください"
                                : "the archive has faults and is nothing to recover from: liuctl "
                                  "restore brings back the last backup");
    return status;
}

/* "SEQ LINK", which the ledger writes a few times a second. */
static uint64_t read_note(struct session *s)
{
    struct cli *c = s->cli;
    unsigned long long seq = 0;
    const char *path =
        arena_printf(&c->arena, "%s/%s/head", c->config.archive_dir, store_epoch(s->store));
    char line[80];
    FILE *f = path == NULL ? NULL : fopen(path, "re");
    if (f != NULL && fgets(line, sizeof line, f) != NULL)
        seq = strtoull(line, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return seq;
}

/* ---- both */

/* Does Redis' first entry follow from the archive's last? */
static bool goes_on(const struct compare *k)
{
    char link[LINK_DIGITS + 1] = "";
    enum err e =
        k->found->archived == 0 ? link_first(store_epoch(k->session->store), link) : ERR_OK;
    if (k->found->archived != 0)
        memcpy(link, k->before, sizeof link);
    if (e == ERR_OK)
        e = link_next(link, k->entry.data, k->entry.len, link);
    return e == ERR_OK && memcmp(link, k->links.data, LINK_DIGITS) == 0;
}

static uint64_t right_of(const struct compare *k)
{
    const struct recover_found *f = k->found;
    if (f->first == 0 || f->first > f->archived + 1)
        return f->first == 0 ? 0 : f->archived;
    if (k->differs != 0)
        return k->differs - 1;
    if (f->first == f->archived + 1 && !goes_on(k))
        return f->archived;
    return k->last;
}

int recover_compare(struct session *s, struct recover_found *out)
{
    struct compare k = {.session = s, .found = out};
    *out = (struct recover_found){.head = 0};
    buf_init(&k.links, LINKS_BYTES_MAX);
    buf_init(&k.entry, ENTRY_BYTES_MAX);
    int status = read_redis(&k);
    if (status == CLI_OK)
        status = read_archive(&k);
    if (status == CLI_OK) {
        out->right = right_of(&k);
        out->noted = read_note(s);
        out->now = out->head;
    }
    if (status == CLI_OK && !out->halted)
        status = session_head(s, &out->now);
    buf_fini(&k.links);
    buf_fini(&k.entry);
    return status;
}
