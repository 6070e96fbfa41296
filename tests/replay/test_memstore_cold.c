/* What leaves the store in memory does so as with the real Function: a seeded stream of commits,
 * removals, questions and answers goes to both, and every answer is compared.
 */
#include "base/clock.h"
#include "lib/store/function_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/memstore.h"
#include "replay/random.h"

#define STREAM 4000
#define MOVES 3 /* of a call */
#define IDS 40
#define FILTER_BITS 4096

static const enum record_kind kinds[] = {RECORD_CASE, RECORD_JUDGMENT, RECORD_RECEIPT};
static struct memstore mem;
static struct rng rng;
static size_t letters_seen[256];
static size_t answers_seen[COMMIT_COLD + 1];

/* ---- both sides */

static void begin(const struct fixture *f)
{
    static const char *const audience[] = {"public"};
    struct commit_put put = {RECORD_PARTY, "min-a", 0, (const uint8_t *)"A", 1};
    struct commit_entry entry = {(const uint8_t *)"genesis", 7, "StoreInitialised", audience, 1};
    struct commit c = {.now_ms = AT, .puts = &put, .n_puts = 1, .entries = &entry, .n_entries = 1};
    char text[256];
    memstore_init(&mem, f->partition, EPOCH);
    mem.server_ms = clock_wall_ms();
    mem.receipt_window_ms = f->call.receipt_window_ms;
    mem.receipts_max = f->call.receipts_max;
    assert_int_equal(memstore_commit(&mem, &c, text).status, COMMIT_OK);
}

static enum commit_status both(struct fixture *f, const struct commit *c)
{
    char text[256];
    const struct commit_result *redis = fixture_commit(f, c);
    const struct commit_result m = memstore_commit(&mem, c, text);
    assert_int_equal(m.status, redis->status);
    assert_int_equal(m.seq, redis->seq);
    assert_string_equal(m.text, redis->text);
    if (m.status == COMMIT_DUPLICATE) {
        assert_int_equal(m.at_ms, redis->at_ms);
        assert_int_equal(m.reply_bytes, redis->reply_bytes);
        assert_memory_equal(m.reply, redis->reply, m.reply_bytes);
    }
    answers_seen[m.status]++;
    return m.status;
}

/* ---- calls about what is cold */

static const char *kind_name(enum record_kind kind)
{
    return record_type_of(kind)->name;
}

#define CALL_KEYS                                                                                  \
    "{%s}:head {%s}:r:upkeep {%s}:asked {%s}:cold {%s}:r:case {%s}:r:judgment {%s}:r:receipt "
#define PARTITION f->partition
#define SEVEN PARTITION, PARTITION, PARTITION, PARTITION, PARTITION, PARTITION, PARTITION

static int key_number(enum record_kind kind)
{
    return kind == RECORD_CASE ? 5 : kind == RECORD_JUDGMENT ? 6 : 7;
}

static void same_number(const redisReply *r, const char *why, uint64_t n)
{
    if (why == NULL) {
        assert_int_equal(r->type, REDIS_REPLY_INTEGER);
        assert_int_equal(r->integer, n);
        return;
    }
    assert_int_equal(r->type, REDIS_REPLY_ERROR);
    assert_string_equal(r->str + strlen("LIUREFUSED "), why);
}

static void freeze(struct fixture *f, uint64_t generation, const struct cold_move m[MOVES])
{
    uint8_t g[8], rev[MOVES][8];
    uint64_t n;
    be64_put(g, generation);
    for (size_t i = 0; i < MOVES; i++)
        be64_put(rev[i], m[i].revision);
    const redisReply *r =
        fixture_ask(f, "FCALL liu_freeze 7 " CALL_KEYS EPOCH " %b %d %d %s %b %d %s %b %d %s %b",
                    SEVEN, g, (size_t)8, FILTER_BITS, key_number(m[0].kind), m[0].id, rev[0],
                    (size_t)8, key_number(m[1].kind), m[1].id, rev[1], (size_t)8,
                    key_number(m[2].kind), m[2].id, rev[2], (size_t)8);
    const char *why = memstore_freeze(&mem, generation, FILTER_BITS, m, MOVES, &n);
    same_number(r, why, n);
}

static void seek(struct fixture *f, enum cold_want want, const struct store_key k[MOVES])
{
    char letters[MOVES];
    struct store_record shown[MOVES];
    struct arena a;
    const char *mode = want == COLD_SHOW ? "=" : "";
    const redisReply *r =
        fixture_ask(f, "FCALL liu_seek 7 " CALL_KEYS EPOCH " %d %s %s %d %s %s %d %s %s", SEVEN,
                    key_number(k[0].kind), k[0].id, mode, key_number(k[1].kind), k[1].id, mode,
                    key_number(k[2].kind), k[2].id, mode);
    arena_init(&a, 1u << 20);
    memstore_seek(&mem, want, k, MOVES, letters, shown, &a);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_int_equal(be64_get((const uint8_t *)r->element[0]->str), memstore_generation(&mem));
    assert_int_equal(r->element[1]->len, MOVES);
    assert_memory_equal(r->element[1]->str, letters, MOVES);
    for (size_t i = 0, at = 2; i < MOVES; i++) {
        letters_seen[(unsigned char)letters[i]]++;
        if (letters[i] != COLD_SHOWN)
            continue;
        const redisReply *v = r->element[at++];
        assert_int_equal(v->len, 8 + shown[i].bytes);
        assert_int_equal(be64_get((const uint8_t *)v->str), shown[i].revision);
        assert_memory_equal(v->str + 8, shown[i].value, shown[i].bytes);
    }
    arena_fini(&a);
}

static void thaw(struct fixture *f, uint64_t generation, const struct cold_move *m)
{
    uint8_t g[8];
    uint8_t value[64];
    size_t bytes = 0;
    uint64_t n;
    be64_put(g, generation);
    if (m->forget) {
        value[bytes++] = '-';
    } else if (m->value != NULL) {
        be64_put(value, m->revision);
        memcpy(value + 8, m->value, m->bytes);
        bytes = 8 + m->bytes;
    }
    const redisReply *r =
        fixture_ask(f, "FCALL liu_thaw 7 " CALL_KEYS EPOCH " %b %d %d %s %s %b", SEVEN, g,
                    (size_t)8, 77, key_number(m->kind), m->id, m->show ? "=" : "", value, bytes);
    const char *why = memstore_thaw(&mem, generation, 77, m, 1, &n);
    same_number(r, why, n);
}

static void same_asked(struct fixture *f)
{
    struct cold_asked asked[COLD_ASKED_MAX];
    char name[300];
    size_t n = memstore_asked(&mem, asked, COLD_ASKED_MAX);
    assert_int_equal(fixture_ask(f, "HLEN {%s}:asked", f->partition)->integer, n);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(name, sizeof name, "%s%s/%s", asked[i].show ? "=" : "",
                       kind_name(asked[i].kind), asked[i].id);
        const redisReply *v = fixture_ask(f, "HGET {%s}:asked %s", f->partition, name);
        assert_int_equal(v->type, REDIS_REPLY_STRING);
        assert_int_equal(v->str[0] == '?', asked[i].answered_ms == 0);
    }
}

static void same_left(struct fixture *f)
{
    char text[512] = "";
    size_t at = 0;
    for (size_t i = 0; i < mem.n_lefts; i++)
        at +=
            (size_t)snprintf(text + at, sizeof text - at, "%s%d %d %d ", i == 0 ? "" : ";",
                             (int)mem.lefts[i].n, (int)mem.lefts[i].bits, (int)mem.lefts[i].count);
    const redisReply *v = fixture_ask(f, "GET {%s}:left", f->partition);
    char redis[512] = "";
    at = 0;
    for (char *rest = v->str, *one; v->str != NULL && (one = strsep(&rest, ";")) != NULL;) {
        *(strrchr(one, ' ') + 1) = '\0'; /* when it was made is each side's own */
        at += (size_t)snprintf(redis + at, sizeof redis - at, "%s%s", at == 0 ? "" : ";", one);
    }
    assert_string_equal(redis, text);
    for (int kind = RECORD_NONE + 1; kind < RECORD_KINDS; kind++) {
        size_t here = 0;
        for (size_t i = 0; i < mem.n_scan[kind]; i++)
            here += !mem.scan[kind][i]->left;
        v = fixture_ask(f, "HLEN {%s}:r:%s", f->partition, kind_name((enum record_kind)kind));
        assert_int_equal(v->integer, here);
    }
}

/* ---- the stream */

static void id_of(char out[24], enum record_kind kind)
{
    (void)snprintf(out, 24, "%s%u", kind == RECORD_RECEIPT ? "min-a:id-" : "r-",
                   (unsigned)rng_below(&rng, IDS));
}

static void some_commit(struct fixture *f)
{
    static const uint8_t value[] = "what it is";
    char id[24], receipt[24];
    enum record_kind kind = kinds[rng_below(&rng, 2)];
    id_of(id, kind);
    id_of(receipt, RECORD_RECEIPT);
    const struct mem_record *is = memstore_record(&mem, kind, id);
    struct commit_put put = {kind, id, is == NULL ? 0 : is->revision, value,
                             1 + rng_below(&rng, 9)};
    struct commit_entry entry = {value, sizeof value, "X", NULL, 0};
    struct commit c = {.now_ms = AT,
                       .reply_type = "CaseOpened",
                       .puts = &put,
                       .n_puts = 1,
                       .entries = &entry,
                       .n_entries = 1};
    if (rng_below(&rng, 4) > 0) {
        c.receipt_party = "min-a";
        c.receipt_id = receipt + strlen("min-a:");
        c.request_hash[0] = rng_below(&rng, 8) == 0;
        c.reply = value;
        c.reply_bytes = rng_below(&rng, sizeof value);
    }
    (void)both(f, &c);
}

static void new_generation(struct fixture *f)
{
    struct commit_put put = {RECORD_UPKEEP, COLD_GENERATION, memstore_generation(&mem),
                             (const uint8_t *)"g", 1};
    const struct commit c = {.now_ms = AT, .reply_type = "", .puts = &put, .n_puts = 1};
    assert_int_equal(both(f, &c), COMMIT_OK);
}

/* Mostly of the present generation. */
static uint64_t some_generation(void)
{
    return memstore_generation(&mem) + (rng_below(&rng, 10) == 0);
}

static void some_freeze(struct fixture *f)
{
    struct cold_move m[MOVES];
    char ids[MOVES][24];
    for (size_t i = 0; i < MOVES; i++) {
        enum record_kind kind = kinds[rng_below(&rng, 3)];
        id_of(ids[i], kind);
        m[i] = (struct cold_move){.kind = kind, .id = ids[i]};
        const struct mem_record *is = memstore_record(&mem, kind, ids[i]);
        const struct mem_receipt *r = memstore_receipt_ever(&mem, ids[i]);
        m[i].revision = is != NULL ? is->revision : r != NULL ? r->seq : 1;
        m[i].revision += rng_below(&rng, 8) == 0;
    }
    freeze(f, some_generation(), m);
}

static void some_seek(struct fixture *f)
{
    struct store_key k[MOVES];
    char ids[MOVES][24];
    bool show = rng_below(&rng, 2) == 0;
    for (size_t i = 0; i < MOVES; i++) {
        k[i].kind = kinds[rng_below(&rng, show ? 3 : 2)];
        id_of(ids[i], k[i].kind);
        k[i].id = k[i].kind != RECORD_RECEIPT && show && rng_below(&rng, 6) == 0 ? "~r-1" : ids[i];
    }
    seek(f, show ? COLD_SHOW : COLD_PUT_BACK, k);
}

static void some_thaw(struct fixture *f)
{
    struct cold_asked asked[COLD_ASKED_MAX];
    size_t n = memstore_asked(&mem, asked, COLD_ASKED_MAX);
    if (n == 0)
        return;
    const struct cold_asked *a = &asked[rng_below(&rng, n)];
    char id[24];
    (void)snprintf(id, sizeof id, "%s", a->id);
    struct cold_move m = {.kind = a->kind, .id = id, .show = a->show, .revision = 3};
    uint64_t dice = rng_below(&rng, 4);
    m.forget = dice == 0 && a->answered_ms > 0;
    m.value = dice == 1 ? NULL : (const uint8_t *)"as it was";
    m.bytes = dice == 1 ? 0 : rng_below(&rng, 10);
    thaw(f, some_generation(), &m);
}

static void a_stream_of_calls_has_the_same_answers(void **state)
{
    static void (*const some[])(struct fixture * f) = {some_commit, some_commit, some_freeze,
                                                       some_seek,   some_seek,   some_thaw};
    struct fixture *f = *state;
    rng = (struct rng){.state = 20261123};
    f->call.receipts_max = STREAM;
    begin(f);
    some_freeze(f); /* before any generation */
    new_generation(f);
    for (size_t i = 0; i < STREAM; i++) {
        some[rng_below(&rng, sizeof some / sizeof some[0])](f);
        if (i % 300 == 0)
            new_generation(f);
        if (i % 50 == 0)
            same_asked(f);
        if (i % 50 == 0)
            same_left(f);
    }
    for (const char *l = "h-?v"; *l != '\0'; l++)
        assert_true(letters_seen[(unsigned char)*l] > 20);
    assert_true(answers_seen[COMMIT_COLD] > 20 && answers_seen[COMMIT_DUPLICATE] > 20);
    memstore_fini(&mem);
}

static void a_filter_of_receipts_ends_with_the_last_of_them(void **state)
{
    struct fixture *f = *state;
    f->call.receipt_window_ms = 40;
    begin(f);
    new_generation(f);
    struct commit c = {.receipt_party = "min-a",
                       .receipt_id = "one",
                       .now_ms = AT,
                       .reply_type = "",
                       .entries = &(struct commit_entry){(const uint8_t *)"e", 1, "X", NULL, 0},
                       .n_entries = 1};
    assert_int_equal(both(f, &c), COMMIT_OK);
    const struct cold_move m[MOVES] = {
        {.kind = RECORD_RECEIPT, .id = "min-a:one", .revision = memstore_head(&mem)},
        {.kind = RECORD_CASE, .id = "none", .revision = 1},
        {.kind = RECORD_CASE, .id = "none", .revision = 1}};
    freeze(f, 1, m);
    assert_int_equal(both(f, &c), COMMIT_COLD);
    while (fixture_ask(f, "EXISTS {%s}:left:1", f->partition)->integer != 0)
        (void)usleep(5000);
    mem.server_ms += 41;
    assert_int_equal(both(f, &c), COMMIT_OK);
    memstore_fini(&mem);
}

static void lists_leave_room_for_receipts(void **state)
{
    struct fixture *f = *state;
    char pages[MOVES][24];
    begin(f);
    new_generation(f);
    const struct commit c = {.receipt_party = "min-a",
                             .receipt_id = "one",
                             .now_ms = AT,
                             .reply_type = "",
                             .entries =
                                 &(struct commit_entry){(const uint8_t *)"e", 1, "X", NULL, 0},
                             .n_entries = 1};
    assert_int_equal(both(f, &c), COMMIT_OK);
    const struct cold_move m[MOVES] = {
        {.kind = RECORD_RECEIPT, .id = "min-a:one", .revision = memstore_head(&mem)},
        {.kind = RECORD_CASE, .id = "none", .revision = 1},
        {.kind = RECORD_CASE, .id = "none", .revision = 1}};
    freeze(f, 1, m);
    memset(letters_seen, 0, sizeof letters_seen);
    for (unsigned i = 0; i < COLD_ASKED_OTHERS + MOVES; i += MOVES) {
        struct store_key k[MOVES];
        for (unsigned at = 0; at < MOVES; at++) {
            (void)snprintf(pages[at], sizeof pages[at], "~%u", i + at);
            k[at] = (struct store_key){RECORD_CASE, pages[at]};
        }
        seek(f, COLD_SHOW, k);
    }
    assert_true(letters_seen[COLD_ASKED] >= COLD_ASKED_OTHERS && letters_seen[COLD_BUSY] > 0);
    const struct store_key k[MOVES] = {
        {RECORD_RECEIPT, "min-a:one"}, {RECORD_CASE, "~last"}, {RECORD_RECEIPT, "min-a:two"}};
    letters_seen[COLD_ASKED] = 0;
    seek(f, COLD_SHOW, k);
    assert_int_equal(letters_seen[COLD_ASKED], 1);
    memstore_fini(&mem);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_partition, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_of_calls_has_the_same_answers),
        TEST(lists_leave_room_for_receipts),
        TEST(a_filter_of_receipts_ends_with_the_last_of_them),
    };
    if (!test_redis_installed()) {
        (void)printf("SKIPPED: redis-server is not installed; scripts/setup installs it\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
