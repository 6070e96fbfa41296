/* The journal itself, and the proof that it holds the whole state: every record is rebuilt from the
 * ledger's segments and the stream, then compared with Redis.
 *
 * Lanes and cursors are places in a stream, not state of a case, and are left out.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "base/limits.h"
#include "base/text.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/commands.h"
#include "liuctl/store_session.h"
#include "services/ledger/segment.h"
#include "wire/json.h"
#include "wire/unpack.h"

#define PAGE 512

struct rebuilt {
    char key[160]; /* kind/id */
    uint64_t revision;
    uint8_t digest[SHA256_BYTES];
    bool seen;
    UT_hash_handle hh;
};

struct rebuild {
    struct cli *cli;
    struct session session;
    struct rebuilt *records;
    uint64_t seq; /* last entry taken in */
    uint64_t entries;
    uint64_t from_segments;
    size_t differences;
    bool progress;
    /* one scan */
    enum record_kind kind;
    char page[64];
};

static bool compared(enum record_kind kind)
{
    return kind != RECORD_CURSOR && kind != RECORD_LANE;
}

static void differ(struct rebuild *r, const char *key, const char *what)
{
    r->differences++;
    (void)printf("%s: %s\n", key, what);
}

static enum err take_put(struct rebuild *r, const Ismap__Liu__V1__RecordPut *p)
{
    char key[160];
    struct rebuilt *m = NULL;
    if (!compared((enum record_kind)p->kind))
        return ERR_OK;
    (void)snprintf(key, sizeof key, "%u/%s", p->kind, p->id);
    HASH_FIND_STR(r->records, key, m);
    if (m == NULL) {
        m = calloc(1, sizeof *m);
        if (m == NULL)
            return ERR_NOMEM;
        (void)text_copy(m->key, sizeof m->key, key);
        HASH_ADD_STR(r->records, key, m);
    }
    if (p->revision != m->revision + 1)
        differ(r, key, "revisions are not consecutive in the journal");
    m->revision = p->revision;
    struct crypto_part part = {p->value.data, p->value.len};
    return crypto_sha256(&part, 1, m->digest);
}

static enum err take_entry(struct rebuild *r, uint64_t seq, const uint8_t *data, size_t bytes)
{
    struct arena a;
    ProtobufCMessage *m;
    char key[32];
    if (seq <= r->seq)
        return ERR_OK;
    (void)snprintf(key, sizeof key, "entry %llu", (unsigned long long)seq);
    if (seq != r->seq + 1)
        differ(r, key, "a gap before it");
    r->seq = seq;
    r->entries++;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    enum err e = wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, data, bytes, &m);
    if (e == ERR_OK) {
        const Ismap__Liu__V1__JournalEntry *entry = (const void *)m;
        for (size_t i = 0; e == ERR_OK && i < entry->n_puts; i++)
            e = take_put(r, entry->puts[i]);
    } else {
        differ(r, key, "cannot be read");
        e = ERR_OK;
    }
    arena_fini(&a);
    if (r->progress && r->entries % 1000 == 0)
        (void)fprintf(stderr, "\r%llu entries", (unsigned long long)r->entries);
    return e;
}

static enum err on_segment_entry(void *arg, const struct segment_entry *e)
{
    struct rebuild *r = arg;
    r->from_segments++;
    return take_entry(r, e->pos.seq, e->data, e->bytes);
}

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct rebuild *r = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        e = take_entry(r, entries[i].seq, entries[i].data, entries[i].bytes);
    r->session.err = e;
    r->session.done = true;
}

static int take_stream(struct rebuild *r)
{
    uint64_t head;
    int status = session_head(&r->session, &head);
    while (status == CLI_OK && r->seq < head) {
        uint64_t before = r->seq;
        if (store_entries(r->session.store, r->seq + 1, head, PAGE, on_entries, r) != ERR_OK)
            return cli_fail(r->cli, CLI_TEMPORARY, "Redis is away");
        status = session_wait(&r->session);
        if (status == CLI_OK && r->seq == before) {
            differ(r, "journal",
                   "entries are missing before its head (archived? configure archive_dir)");
            break;
        }
    }
    return status;
}

static int take_segments(struct rebuild *r)
{
    struct cli *c = r->cli;
    if (c->config.archive_dir[0] == '\0')
        return CLI_OK;
    const char *dir = arena_printf(&c->arena, "%s/%s/journal", c->config.archive_dir,
                                   store_epoch(r->session.store));
    struct segment_report report = {0};
    struct err_text why = {""};
    struct buf text;
    if (dir == NULL || access(dir, F_OK) != 0)
        return CLI_OK;
    buf_init(&text, 1024 * 1024);
    enum err e = segment_walk(dir, on_segment_entry, r, &report, &text, &why);
    if (text.len > 0)
        (void)fwrite(text.data, 1, text.len, stdout);
    buf_fini(&text);
    r->differences += report.faults;
    if (e != ERR_OK && e != ERR_DATA_LOSS)
        return cli_fail(c, CLI_TEMPORARY, "%s", why.text);
    return CLI_OK;
}

static void on_scan(void *arg, enum err e, const char *next_page, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct rebuild *r = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        char key[160];
        uint8_t digest[SHA256_BYTES];
        struct rebuilt *m = NULL;
        (void)snprintf(key, sizeof key, "%d/%s", (int)r->kind, ids[i]);
        HASH_FIND_STR(r->records, key, m);
        struct crypto_part part = {records[i].value, records[i].bytes};
        e = crypto_sha256(&part, 1, digest);
        if (m != NULL && m->revision == records[i].revision &&
            memcmp(m->digest, digest, sizeof digest) == 0)
            m->seen = true;
        else if (m == NULL)
            differ(r, key, "is in Redis but not in the journal");
        else
            differ(r, key,
                   m->revision == records[i].revision
                       ? "has other content than the journal says"
                       : "has another revision than the journal says");
        if (m != NULL)
            m->seen = true;
    }
    (void)text_copy(r->page, sizeof r->page, next_page == NULL ? "" : next_page);
    r->session.err = e;
    r->session.done = true;
}

static int compare(struct rebuild *r)
{
    int status = CLI_OK;
    for (int k = RECORD_NONE + 1; status == CLI_OK && k < RECORD_KINDS; k++) {
        r->kind = (enum record_kind)k;
        r->page[0] = '\0';
        if (!compared(r->kind))
            continue;
        do {
            if (store_scan(r->session.store, r->kind, r->page, PAGE, on_scan, r) != ERR_OK)
                return cli_fail(r->cli, CLI_TEMPORARY, "Redis is away");
            status = session_wait(&r->session);
        } while (status == CLI_OK && r->page[0] != '\0');
    }
    for (struct rebuilt *m = r->records; status == CLI_OK && m != NULL; m = m->hh.next)
        if (!m->seen)
            differ(r, m->key, "is in the journal but not in Redis");
    return status;
}

static void report(struct rebuild *r)
{
    struct cli *c = r->cli;
    if (r->progress)
        (void)fputc('\r', stderr);
    if (c->json)
        (void)printf("{\"entries\":%llu,\"fromSegments\":%llu,\"records\":%u,\"differences\":%zu,"
                     "\"head\":%llu}\n",
                     (unsigned long long)r->entries, (unsigned long long)r->from_segments,
                     HASH_COUNT(r->records), r->differences, (unsigned long long)r->seq);
    else
        (void)printf(c->ja ? "記録 %llu 件(うち書庫 %llu)、状態 %u 件、相違 %zu 件\n"
                           : "%llu entries (%llu from segments), %u records, %zu differences\n",
                     (unsigned long long)r->entries, (unsigned long long)r->from_segments,
                     HASH_COUNT(r->records), r->differences);
}

int cmd_journal_rebuild(struct cli *c, struct cli_args *a)
{
    struct rebuild r = {.cli = c, .progress = !c->quiet && isatty(STDERR_FILENO) == 1};
    if (!cli_flag(a, "--verify") || !cli_done(c, a))
        return cli_usage(c, c->ja ? "--verify を指定してください" : "say --verify");
    int status = session_open(c, &r.session, true);
    if (status == CLI_OK)
        status = take_segments(&r);
    if (status == CLI_OK)
        status = take_stream(&r);
    if (status == CLI_OK)
        status = compare(&r);
    if (status == CLI_OK)
        report(&r);
    session_close(&r.session);
    struct rebuilt *m, *m2;
    HASH_ITER(hh, r.records, m, m2)
    {
        HASH_DEL(r.records, m);
        free(m);
    }
    return status == CLI_OK && r.differences > 0 ? CLI_NEGATIVE : status;
}

/* ---- tail */

struct tail {
    struct session session;
    uint64_t last;
    bool follow;
};

static void print_entry(uint64_t seq, const uint8_t *data, size_t bytes)
{
    struct arena a;
    ProtobufCMessage *m;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    if (wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, data, bytes, &m) == ERR_OK) {
        const Ismap__Liu__V1__JournalEntry *e = (const void *)m;
        json_t *j = wire_typed_to_json(e->type, e->payload.data, e->payload.len);
        if (j == NULL)
            j = json_object();
        (void)json_object_set_new(j, "seq", json_integer((json_int_t)seq));
        (void)json_object_set_new(j, "atMs", json_integer((json_int_t)e->at_ms));
        (void)json_object_set_new(j, "actor", json_string(e->actor));
        (void)json_object_set_new(j, "cause", json_string(e->cause));
        (void)json_object_set_new(j, "records", json_integer((json_int_t)e->n_puts));
        char *text = json_dumps(j, JSON_COMPACT);
        (void)printf("%s\n", text == NULL ? "" : text);
        free(text);
        json_decref(j);
    }
    arena_fini(&a);
}

static void on_tail(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct tail *t = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        print_entry(entries[i].seq, entries[i].data, entries[i].bytes);
        t->last = entries[i].seq;
    }
    (void)fflush(stdout);
    t->session.err = e;
    t->session.done = !t->follow || e != ERR_OK;
}

int cmd_journal_tail(struct cli *c, struct cli_args *a)
{
    struct tail t = {.follow = false};
    const char *from = cli_option(a, "--from");
    bool follow = cli_flag(a, "--follow");
    uint64_t first = 1;
    uint64_t head = 0;
    if (!cli_done(c, a) || (from != NULL && text_u64(from, UINT64_MAX, &first) != ERR_OK))
        return cli_usage(c, c->ja ? "--from は番号です" : "--from takes a number");
    int status = session_open(c, &t.session, true);
    if (status == CLI_OK)
        status = session_head(&t.session, &head);
    if (status == CLI_OK && from == NULL && head > 20)
        first = head - 19;
    t.last = first == 0 ? 0 : first - 1;
    while (status == CLI_OK && t.last < head) {
        uint64_t before = t.last;
        if (store_entries(t.session.store, t.last + 1, head, PAGE, on_tail, &t) != ERR_OK)
            status = CLI_TEMPORARY;
        else
            status = session_wait(&t.session);
        if (t.last == before)
            break;
    }
    t.follow = follow;
    if (status == CLI_OK && follow && store_tail(t.session.store, t.last, on_tail, &t) == ERR_OK)
        status = session_wait(&t.session);
    session_close(&t.session);
    return status;
}
