/* See rig.h. */
#include "services/ledger/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "support/folder.h"

#define AWAIT_MS 20000

struct outcome {
    bool done;
    enum commit_status status;
    struct store_record record;
    uint64_t seq;
};

static void must(enum err e, const struct err_text *why)
{
    if (e != ERR_OK)
        fail_msg("%s %s", err_name(e), why != NULL ? why->text : "");
}

void rig_turn(struct rig *r, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    while (clock_mono_ms() < until)
        must(loop_turn(r->loop, 20), NULL);
}

void rig_connect(struct rig *r)
{
    struct err_text why = {{0}};
    struct store_config c = {.address = r->redis.address, .partition = "p0"};
    must(loop_create(&r->loop), NULL);
    must(store_create(r->loop, &c, &r->store, &why), &why);
}

static void await_ready(struct rig *r)
{
    const char *text = "";
    int64_t until = clock_mono_ms() + AWAIT_MS;
    while (!store_ready(r->store, &text)) {
        if (clock_mono_ms() > until)
            fail_msg("the store is not ready: %s", text);
        must(loop_turn(r->loop, 20), NULL);
    }
}

void rig_disconnect(struct rig *r)
{
    store_destroy(r->store);
    loop_destroy(r->loop);
    r->store = NULL;
    r->loop = NULL;
}

void rig_begin(struct rig *r)
{
    rig_begin_with(r, "entry 1", 7);
}

void rig_begin_with(struct rig *r, const void *first_entry, size_t bytes)
{
    static const uint8_t packed[] = {0}; /* the ledger looks at names only */
    static const char *const all[] = {"public"};
    struct err_text why = {{0}};
    *r = (struct rig){.head = 1};
    assert_true(test_redis_start(&r->redis, NULL));
    (void)snprintf(r->archive, sizeof(r->archive), "/tmp/liu-ledger-XXXXXX");
    assert_non_null(mkdtemp(r->archive));
    (void)snprintf(r->journal, sizeof(r->journal), "%s/%s/journal", r->archive, RIG_EPOCH);
    static char none[] = "";
    r->set = (struct ledger_settings){.archive_dir = r->archive,
                                      .trim_waits_for = none,
                                      .segment_entries = 10,
                                      .segment_seconds = 1,
                                      .keep_entries = 1000,
                                      .noise_keep = 3600,
                                      .trim_seconds = 1,
                                      .snapshot_entries = 1000000,
                                      .snapshot_seconds = 1000000,
                                      .rewrite_seconds = 1,
                                      .rewrite_quiet = 8,
                                      .snapshot_keep = 3,
                                      .retention_seconds = 1};
    rig_connect(r);
    must(store_load_library(r->store, &why), &why);
    struct commit_put puts[] = {
        {.kind = RECORD_PARTY, .id = "csp-a", .value = packed, .value_bytes = 0},
        {.kind = RECORD_FEED, .id = "feed-1", .value = packed, .value_bytes = 0}};
    struct commit_entry entry = {
        .data = first_entry, .bytes = bytes, .type = "T", .audience = all, .n_audience = 1};
    struct commit first = {.reply_type = "",
                           .now_ms = 1,
                           .puts = puts,
                           .n_puts = 2,
                           .entries = &entry,
                           .n_entries = 1};
    must(store_init(r->store, RIG_EPOCH, &first, &why), &why);
    await_ready(r);
}

void rig_remove(const char *dir)
{
    assert_int_equal(test_folder_remove(dir), 0);
}

void rig_end(struct rig *r)
{
    rig_stop_ledger(r);
    rig_disconnect(r);
    test_redis_destroy(&r->redis);
    rig_remove(r->archive);
}

void rig_start_ledger(struct rig *r)
{
    struct err_text why = {{0}};
    await_ready(r);
    struct service_env env = {
        .loop = r->loop, .store = r->store, .settings = &r->set, .name = "ledger"};
    must(ledger_service.create(&env, &r->ledger, &why), &why);
    ledger_service.start(r->ledger);
}

void rig_stop_ledger(struct rig *r)
{
    if (r->ledger != NULL)
        ledger_service.destroy(r->ledger);
    r->ledger = NULL;
}

static void on_commit(void *arg, const struct commit_result *result)
{
    struct outcome *o = arg;
    o->done = true;
    o->status = result->status;
}

static void commit(struct rig *r, const struct commit *c)
{
    struct outcome o = {0};
    must(store_commit(r->store, STORE_MAIN, c, on_commit, &o), NULL);
    while (!o.done)
        must(loop_turn(r->loop, 20), NULL);
    assert_int_equal(o.status, COMMIT_OK);
}

void rig_add(struct rig *r, uint64_t n)
{
    static const char *const audience[] = {"public", "csp-a"};
    for (uint64_t i = 0; i < n; i++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)++r->head);
        struct commit_entry entry = {.data = (const uint8_t *)text,
                                     .bytes = (size_t)len,
                                     .type = "T",
                                     .audience = audience,
                                     .n_audience = 2};
        struct commit c = {.reply_type = "", .now_ms = 2, .entries = &entry, .n_entries = 1};
        commit(r, &c);
    }
}

void rig_noise(struct rig *r, const char *text)
{
    struct commit_noise noise = {
        .feed = "feed-1", .data = (const uint8_t *)text, .bytes = strlen(text)};
    struct commit c = {.reply_type = "", .now_ms = 2, .noise = &noise};
    commit(r, &c);
}

void rig_cursor(struct rig *r, const char *consumer, uint64_t seq)
{
    uint8_t packed[64];
    Ismap__Liu__V1__Cursor m = {0};
    ismap__liu__v1__cursor__init(&m);
    m.seq = seq;
    size_t bytes = ismap__liu__v1__cursor__pack(&m, packed);
    struct commit_put put = {
        .kind = RECORD_CURSOR, .id = consumer, .value = packed, .value_bytes = bytes};
    struct commit c = {.reply_type = "", .now_ms = 2, .puts = &put, .n_puts = 1};
    commit(r, &c);
}

long long rig_ask(struct rig *r, const char *command)
{
    long long n = test_redis_ask(&r->redis, command);
    assert_true(n >= 0);
    return n;
}

void rig_await(struct rig *r, const char *dir, uint64_t entries)
{
    int64_t until = clock_mono_ms() + AWAIT_MS;
    for (;;) {
        struct segment_report report;
        struct err_text why = {{0}};
        must(segment_walk(dir, NULL, NULL, &report, NULL, &why), &why);
        if (report.entries >= entries) {
            assert_int_equal(report.entries, entries);
            return;
        }
        if (clock_mono_ms() > until)
            fail_msg("%llu of %llu entries in %s", (unsigned long long)report.entries,
                     (unsigned long long)entries, dir);
        rig_turn(r, 50);
    }
}

static void on_read(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct outcome *o = arg;
    o->done = true;
    if (e != ERR_OK || n != 1 || !records[0].exists)
        return;
    Ismap__Liu__V1__Cursor *m =
        ismap__liu__v1__cursor__unpack(NULL, records[0].bytes, records[0].value);
    o->seq = m != NULL ? m->seq : 0;
    ismap__liu__v1__cursor__free_unpacked(m, NULL);
}

uint64_t rig_ledger_cursor(struct rig *r)
{
    static const struct store_key key = {RECORD_CURSOR, "ledger"};
    struct outcome o = {0};
    must(store_read(r->store, &key, 1, on_read, &o), NULL);
    while (!o.done)
        must(loop_turn(r->loop, 20), NULL);
    return o.seq;
}

void rig_restart_ledger(struct rig *r, bool lose_file)
{
    char dir[256];
    rig_stop_ledger(r);
    (void)snprintf(dir, sizeof dir, "%s/%s/cold", r->archive, RIG_EPOCH);
    if (lose_file)
        rig_remove(dir);
    rig_start_ledger(r);
}

void rig_restart_redis(struct rig *r)
{
    int64_t until = clock_mono_ms() + AWAIT_MS;
    assert_true(test_redis_kill(&r->redis));
    assert_true(test_redis_restart_mended(&r->redis));
    do {
        rig_turn(r, 50);
        assert_true(clock_mono_ms() < until);
    } while (!store_ready(r->store, NULL));
}

unsigned rig_draw(uint32_t *seed, unsigned below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}
