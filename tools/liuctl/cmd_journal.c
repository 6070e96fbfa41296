/* The journal itself, and the proof that it holds the whole state: every record is rebuilt from the
 * ledger's segments and the stream, then compared with Redis.
 *
 * Lanes and cursors are places in a stream, not state of a case, and are left out.
 */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/limits.h"
#include "base/text.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/cold_check.h"
#include "liuctl/commands.h"
#include "liuctl/journal_archived.h"
#include "liuctl/journal_first.h"
#include "liuctl/journal_walk.h"
#include "wire/json.h"
#include "wire/unpack.h"

#define PAGE 512
#define ROUNDS 4

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
    struct journal_walk walk;
    struct rebuilt *records;
    struct cold_check cold;
    size_t differences;
    /* one scan */
    enum record_kind kind;
    char page[64];
    bool final; /* what differs now is told; before, it is looked at again */
    size_t doubts;
};

static void differ(void *arg, const char *where, const char *what)
{
    struct rebuild *r = arg;
    r->differences++;
    (void)printf("%s: %s\n", where, what);
}

/* NULL without memory. */
static struct rebuilt *rebuilt_of(struct rebuild *r, uint32_t kind, const char *id, size_t id_bytes)
{
    char key[160];
    struct rebuilt *m = NULL;
    (void)snprintf(key, sizeof key, "%u/%.*s", kind, (int)id_bytes, id);
    HASH_FIND_STR(r->records, key, m);
    if (m != NULL)
        return m;
    m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    (void)text_copy(m->key, sizeof m->key, key);
    HASH_ADD_STR(r->records, key, m);
    return m;
}

static enum err take_record(void *arg, const struct snapshot_record *s)
{
    struct rebuilt *m = rebuilt_of(arg, s->kind, s->id, s->id_bytes);
    if (m == NULL)
        return ERR_NOMEM;
    m->revision = s->revision;
    struct crypto_part part = {s->value, s->bytes};
    return crypto_sha256(&part, 1, m->digest);
}

static enum err take_put(struct rebuild *r, const Ismap__Liu__V1__RecordPut *p)
{
    if (!snapshot_holds(p->kind))
        return ERR_OK;
    struct rebuilt *m = rebuilt_of(r, p->kind, p->id, strlen(p->id));
    if (m == NULL)
        return ERR_NOMEM;
    const char *key = m->key;
    if (p->revision != m->revision + 1)
        differ(r, key, "revisions are not consecutive in the journal");
    m->revision = p->revision;
    struct crypto_part part = {p->value.data, p->value.len};
    return crypto_sha256(&part, 1, m->digest);
}

static enum err take_entry(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *entry)
{
    struct rebuild *r = arg;
    enum err e = ERR_OK;
    const char *why = entry == NULL ? NULL : cold_check_entry(&r->cold, seq, entry);
    if (why != NULL)
        differ(r, entry->cause, why);
    for (size_t i = 0; entry != NULL && e == ERR_OK && i < entry->n_puts; i++)
        e = take_put(r, entry->puts[i]);
    return e;
}

/* Services may be writing meanwhile: what differs is first a doubt, looked at again with a longer
 * journal. */
static void doubt(struct rebuild *r, const char *key, const char *what)
{
    r->doubts++;
    if (r->final)
        differ(r, key, what);
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
        if (m == NULL)
            doubt(r, key, "is in Redis but not in the journal");
        else if (m->revision != records[i].revision)
            doubt(r, key, "has another revision than the journal says");
        else if (memcmp(m->digest, digest, sizeof digest) != 0)
            doubt(r, key, "has other content than the journal says");
        if (m != NULL)
            m->seen = true;
    }
    (void)text_copy(r->page, sizeof r->page, next_page == NULL ? "" : next_page);
    r->session.err = e;
    r->session.done = true;
}

static void receipt_doubt(void *arg, const char *id, const char *what)
{
    doubt(arg, id, what);
}

static int compare_once(struct rebuild *r)
{
    int status = CLI_OK;
    r->doubts = 0;
    for (struct rebuilt *m = r->records; m != NULL; m = m->hh.next)
        m->seen = false;
    for (int k = RECORD_NONE + 1; status == CLI_OK && k < RECORD_KINDS; k++) {
        r->kind = (enum record_kind)k;
        r->page[0] = '\0';
        if (!snapshot_holds((uint32_t)r->kind))
            continue;
        do {
            if (store_scan(r->session.store, r->kind, r->page, PAGE, on_scan, r) != ERR_OK)
                return cli_redis_away(r->cli);
            status = session_wait(&r->session);
        } while (status == CLI_OK && r->page[0] != '\0');
    }
    if (status == CLI_OK) /* behind the scan: what left meanwhile is in the filter */
        status = cold_check_begin(&r->cold, &r->session);
    for (struct rebuilt *m = r->records; status == CLI_OK && m != NULL; m = m->hh.next) {
        const char *why =
            m->seen ? NULL : cold_check_record(&r->cold, m->key, m->revision, m->digest);
        if (why != NULL)
            doubt(r, m->key, why);
    }
    return status == CLI_OK ? cold_check_receipts(&r->cold, receipt_doubt, r) : status;
}

static int compare(struct rebuild *r)
{
    int status = CLI_OK;
    for (int round = 0; status == CLI_OK && round < ROUNDS; round++) {
        r->final = round == ROUNDS - 1;
        status = journal_walk(&r->walk);
        if (status == CLI_OK)
            status = compare_once(r);
        if (status == CLI_OK && r->doubts == 0)
            break;
    }
    if (status == CLI_OK && r->differences > 0)
        cli_note(r->cli, "%s",
                 r->cli->ja ? "書き込み中の場合は、サービスを止めてから確かめてください"
                            : "if services were writing meanwhile, stop them and look again");
    return status;
}

static void report(const struct rebuild *r)
{
    const struct journal_walk *w = &r->walk;
    (void)printf(r->cli->json
                     ? "{\"snapshot\":%llu,\"entries\":%llu,\"fromSegments\":%llu,\"records\":%u,"
                       "\"cold\":%zu,\"coldReceipts\":%zu,\"differences\":%zu,\"head\":%llu}\n"
                     : "snapshot %llu, then %llu entries (%llu from segments), %u records, %zu of "
                       "them cold, %zu receipts cold, %zu differences, "
                       "head %llu\n",
                 (unsigned long long)w->snapshot, (unsigned long long)w->entries,
                 (unsigned long long)w->from_segments, HASH_COUNT(r->records), r->cold.found,
                 r->cold.receipts, r->differences, (unsigned long long)w->seq);
}

/* From entry 1 nothing can be rebuilt when that is kept no more. */
static int from_the_first(struct rebuild *r)
{
    struct cli *c = r->cli;
    uint64_t store = 0;
    uint64_t first = 0;
    int status = journal_first(&r->session, &store, &first);
    if (status != CLI_OK || first == 0)
        return status;
    return cli_fail(c, CLI_INPUT,
                    c->ja ? "記録簿は %llu 番から始まり、それより前は残っていません。"
                            "--no-snapshots なしで実行してください"
                          : "the journal begins with entry %llu, what came before is kept no "
                            "more: leave out --no-snapshots",
                    (unsigned long long)first);
}

int cmd_journal_rebuild(struct cli *c, struct cli_args *a)
{
    struct rebuild r = {.cli = c};
    bool all = cli_flag(a, "--no-snapshots");
    if (!cli_flag(a, "--verify") || !cli_done(c, a))
        return cli_usage(c, c->ja ? "--verify を指定してください" : "say --verify");
    r.walk = (struct journal_walk){.session = &r.session,
                                   .entry = take_entry,
                                   .fault = differ,
                                   .record = all ? NULL : take_record,
                                   .arg = &r};
    int status = session_open(c, &r.session, true);
    if (status == CLI_OK && all)
        status = from_the_first(&r);
    if (status == CLI_OK)
        status = cold_check_open(&r.cold, &r.session);
    if (status == CLI_OK)
        status = compare(&r);
    if (status == CLI_OK)
        report(&r);
    cold_check_end(&r.cold);
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
    bool whole; /* no entry may be passed over */
    bool follow;
};

static void print_line(const Ismap__Liu__V1__JournalEntry *e, uint64_t seq, json_t *j)
{
    (void)json_object_set_new(j, "seq", json_integer((json_int_t)seq));
    (void)json_object_set_new(j, "atMs", json_integer((json_int_t)e->at_ms));
    (void)json_object_set_new(j, "actor", json_string(e->actor));
    (void)json_object_set_new(j, "cause", json_string(e->cause));
    (void)json_object_set_new(j, "records", json_integer((json_int_t)e->n_puts));
    char *text = json_dumps(j, JSON_COMPACT);
    (void)printf("%s\n", text == NULL ? "" : text);
    free(text);
}

/* A line for the entry, then what it says, indented. */
static void print_for_people(struct cli *c, const Ismap__Liu__V1__JournalEntry *e, uint64_t seq,
                             json_t *j)
{
    char when[CLI_TIME_BYTES];
    const char *dot = strrchr(e->type, '.');
    cli_time(e->at_ms, when);
    (void)printf("%llu  %s  %s  %s\n", (unsigned long long)seq, when,
                 dot == NULL ? e->type : dot + 1, e->actor);
    cli_unpack_inner(j);
    json_t *payload = json_object_get(j, "payload");
    if (payload != NULL)
        cli_print_below(c, payload);
}

static void print_entry(struct cli *c, uint64_t seq, const uint8_t *data, size_t bytes)
{
    struct arena a;
    ProtobufCMessage *m;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    if (wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, data, bytes, &m) == ERR_OK) {
        const Ismap__Liu__V1__JournalEntry *e = (const void *)m;
        json_t *j = wire_typed_to_json(e->type, e->payload.data, e->payload.len);
        if (j == NULL)
            j = json_object();
        if (c->json)
            print_line(e, seq, j);
        else
            print_for_people(c, e, seq, j);
        json_decref(j);
    }
    arena_fini(&a);
}

static void on_tail(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct tail *t = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        if (t->whole && entries[i].seq != t->last + 1) /* it left Redis meanwhile */
            break;
        print_entry(t->session.cli, entries[i].seq, entries[i].data, entries[i].bytes);
        t->last = entries[i].seq;
    }
    (void)fflush(stdout);
    t->session.err = e;
    t->session.done = !t->follow || e != ERR_OK;
}

static enum err on_archived(void *arg, const struct segment_entry *e)
{
    const struct tail *t = arg;
    print_entry(t->session.cli, e->pos.seq, e->data, e->bytes);
    return ERR_OK;
}

/* What Redis has no more is in the archive. Nothing is passed over unsaid: `from` must be there. */
static int print_archived(struct tail *t, uint64_t from, uint64_t head)
{
    struct cli *c = t->session.cli;
    uint64_t store = 0;
    uint64_t first = 0;
    uint64_t last = from - 1;
    int status = journal_first(&t->session, &store, &first);
    if (status != CLI_OK || from > head || store <= from)
        return status;
    if (first > from)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "記録簿は %llu 番から始まり、それより前は残っていません。Redis "
                                "には %llu 番からあります"
                              : "the journal begins with entry %llu, what came before is kept no "
                                "more; Redis has it from %llu on",
                        (unsigned long long)first, (unsigned long long)store);
    status = journal_archived(&t->session, from, store, on_archived, t, &last);
    if (status != CLI_OK || last + 1 == store) {
        t->last = last;
        return status;
    }
    return cli_fail(c, CLI_INPUT,
                    c->ja ? "Redis の記録は %llu 番からです(--from %llu)。それより前は台帳の"
                            "書庫にあります(liuctl --as operator events follow)"
                          : "Redis has the journal from entry %llu on (--from %llu); what came "
                            "before is in the ledger's archive (liuctl --as operator events "
                            "follow)",
                    (unsigned long long)store, (unsigned long long)store);
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
    t.whole = from != NULL;
    if (status == CLI_OK && from != NULL && first > 0)
        status = print_archived(&t, first, head);
    while (status == CLI_OK && t.last < head) {
        uint64_t before = t.last;
        if (store_entries(t.session.store, t.last + 1, head, PAGE, on_tail, &t) != ERR_OK)
            status = CLI_TEMPORARY;
        else
            status = session_wait(&t.session);
        if (t.last == before && from != NULL && status == CLI_OK)
            status = print_archived(&t, t.last + 1, head);
        if (t.last == before)
            break;
    }
    t.follow = follow;
    c->patient = follow;
    if (status == CLI_OK && follow && store_tail(t.session.store, t.last, on_tail, &t) == ERR_OK)
        status = session_wait(&t.session);
    session_close(&t.session);
    return status;
}
