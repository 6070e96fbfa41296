/* A restore into an empty partition: the journal begins where it is told to, records get the
 * revisions that they had, and what is not one restore from its first call on is refused.
 */
#include "lib/store/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/restore.h"

#define OTHER_EPOCH "ffeeddccbbaa99887766554433221100"
#define LINK "0123456789abcdef0123456789abcdef01234567"
#define RECORDS 1300 /* more than one call has */

static int start(void **state)
{
    struct client *c = calloc(1, sizeof(*c));
    *state = c;
    if (c == NULL || !test_redis_start(&c->redis, NULL))
        return -1;
    client_connect(c, c->redis.address, 0);
    return 0;
}

static int stop(void **state)
{
    struct client *c = *state;
    client_disconnect(c);
    test_redis_destroy(&c->redis);
    free(c);
    return 0;
}

static void must(enum err e, const struct err_text *why)
{
    if (e != ERR_OK)
        fail_msg("%s: %s", err_name(e), why->text);
}

static void begin(struct client *c, struct store_restore *r, const char *epoch, uint64_t seq)
{
    struct err_text why = {""};
    must(store_restore_begin(r, c->store, epoch, seq, seq == 0 ? NULL : LINK, &why), &why);
}

/* A record with this revision, which nobody wrote before. */
static enum err add_record(struct store_restore *r, const char *id, uint64_t revision,
                           struct err_text *why)
{
    struct commit_put put = {
        .kind = RECORD_CASE, .id = id, .value = (const uint8_t *)id, .value_bytes = strlen(id)};
    struct commit c = {.reply_type = "", .puts = &put, .n_puts = 1, .revisions = &revision};
    return store_restore_add(r, &c, why);
}

static enum err add_entry(struct store_restore *r, const char *bytes, uint64_t expected,
                          struct err_text *why)
{
    struct commit_put put = {.kind = RECORD_CASE,
                             .id = "c-7",
                             .expected = expected,
                             .value = (const uint8_t *)bytes,
                             .value_bytes = strlen(bytes)};
    struct commit_entry entry = {
        .data = (const uint8_t *)bytes, .bytes = strlen(bytes), .type = "CaseSubmitted"};
    struct commit c = {.reply_type = "",
                       .now_ms = AT,
                       .puts = &put,
                       .n_puts = expected > 0,
                       .entries = &entry,
                       .n_entries = 1};
    return store_restore_add(r, &c, why);
}

/* The head's text. */
static void head(struct client *c, const char *key, char out[128])
{
    redisContext *redis = test_redis_connect(&c->redis);
    redisReply *reply = redisCommand(redis, "GET %s", key);
    assert_non_null(reply);
    (void)snprintf(out, 128, "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
    freeReplyObject(reply);
    redisFree(redis);
}

static void expect_head(struct client *c, uint64_t seq, const char *link)
{
    char want[128];
    char got[128];
    (void)snprintf(want, sizeof want, EPOCH " %llu %lld %s", (unsigned long long)seq, AT, link);
    head(c, "{p0}:head", got);
    assert_string_equal(got, want);
}

static void it_goes_on_behind_an_entry(void **state)
{
    struct client *c = *state;
    struct store_restore r;
    struct err_text why = {""};
    char link[LINK_DIGITS + 1];
    char id[16];
    begin(c, &r, EPOCH, 41);
    for (uint64_t i = 0; i < RECORDS; i++) {
        (void)snprintf(id, sizeof id, "c-%llu", (unsigned long long)i);
        must(add_record(&r, id, 10 + i, &why), &why);
    }
    must(add_entry(&r, "forty-two", 17, &why), &why);
    must(add_entry(&r, "forty-three", 0, &why), &why);
    must(store_restore_end(&r, &why), &why);
    store_restore_fini(&r);
    assert_int_equal(link_next(LINK, (const uint8_t *)"forty-two", 9, link), ERR_OK);
    assert_int_equal(link_next(link, (const uint8_t *)"forty-three", 11, link), ERR_OK);
    expect_head(c, 43, link);
    assert_int_equal(test_redis_ask(&c->redis, "XLEN {p0}:journal"), 2);
    assert_int_equal(test_redis_ask(&c->redis, "HLEN {p0}:r:case"), RECORDS);
    client_until_ready(c); /* it passes the checks that services make */
    /* c-7 had revision 17 and was written once more; the next commit goes on */
    struct commit_put put = {.kind = RECORD_CASE,
                             .id = "c-7",
                             .expected = 18,
                             .value = (const uint8_t *)"x",
                             .value_bytes = 1};
    struct commit_entry entry = {.data = (const uint8_t *)"e", .bytes = 1, .type = "T"};
    struct commit next = {.reply_type = "",
                          .now_ms = AT,
                          .puts = &put,
                          .n_puts = 1,
                          .entries = &entry,
                          .n_entries = 1};
    struct committed done = client_commit(c, STORE_MAIN, &next);
    assert_int_equal(done.status, COMMIT_OK);
    assert_int_equal(done.seq, 44);
}

static enum err add_receipt(struct store_restore *r, const char *id, uint64_t seq,
                            struct err_text *why)
{
    struct commit c = {.receipt_party = "acme",
                       .receipt_id = id,
                       .reply_type = "T",
                       .now_ms = AT,
                       .receipt_seq = seq};
    return store_restore_add(r, &c, why);
}

static enum err add_generation(struct store_restore *r, struct err_text *why)
{
    struct commit_put put = {
        .kind = RECORD_UPKEEP, .id = COLD_GENERATION, .value = (const uint8_t *)"g"};
    put.value_bytes = 1;
    struct commit c = {.reply_type = "", .puts = &put, .n_puts = 1};
    return store_restore_add(r, &c, why);
}

static struct committed again(struct client *c, const char *id)
{
    struct commit m = {
        .receipt_party = "acme", .receipt_id = id, .reply_type = "T", .now_ms = AT + 1};
    return client_commit(c, STORE_MAIN, &m);
}

/* Receipts without their entries name their places, before the journal and behind it. What leaves
 * is gone at once, and the filters know it. */
static void what_may_leave_leaves(void **state)
{
    struct client *c = *state;
    struct store_restore r;
    struct err_text why = {""};
    const struct cold_move moves[] = {
        {.kind = RECORD_CASE, .id = "c-1", .revision = 3},
        {.kind = RECORD_CASE, .id = "c-2", .revision = 4}, /* it has another one, and stays */
        {.kind = RECORD_RECEIPT, .id = "acme:gone", .revision = 40},
    };
    begin(c, &r, EPOCH, 41);
    must(add_generation(&r, &why), &why);
    must(add_record(&r, "c-1", 3, &why), &why);
    must(add_record(&r, "c-2", 5, &why), &why);
    must(add_receipt(&r, "gone", 40, &why), &why);
    must(add_receipt(&r, "here", 39, &why), &why);
    assert_int_equal(store_restore_freeze(&r, 2, 8192, moves, 3, &why), ERR_CONFIG);
    must(store_restore_freeze(&r, 1, 8192, moves, 3, &why), &why);
    must(add_entry(&r, "forty-two", 0, &why), &why);
    must(add_receipt(&r, "gone", 42, &why), &why); /* its id was used again, long after */
    const struct cold_move later = {.kind = RECORD_RECEIPT, .id = "acme:gone", .revision = 42};
    must(store_restore_freeze(&r, 1, 8192, &later, 1, &why), &why);
    must(store_restore_end(&r, &why), &why);
    store_restore_fini(&r);
    assert_int_equal(test_redis_ask(&c->redis, "HLEN {p0}:r:case"), 1);
    assert_int_equal(test_redis_ask(&c->redis, "STRLEN {p0}:cold"), 1024);
    assert_int_equal(test_redis_ask(&c->redis, "EXISTS {p0}:rcpt:acme:gone {p0}:left:1"), 1);
    client_until_ready(c);
    assert_int_equal(again(c, "gone").status, COMMIT_COLD);
    assert_int_equal(again(c, "new").status, COMMIT_OK);
    struct committed here = again(c, "here");
    assert_int_equal(here.status, COMMIT_DUPLICATE);
    assert_int_equal(here.seq, 39);
}

static void it_begins_with_entry_1(void **state)
{
    struct client *c = *state;
    struct store_restore r;
    struct err_text why = {""};
    char link[LINK_DIGITS + 1];
    begin(c, &r, EPOCH, 0);
    must(add_entry(&r, "one", 0, &why), &why);
    must(store_restore_end(&r, &why), &why);
    store_restore_fini(&r);
    assert_int_equal(link_first(EPOCH, link), ERR_OK);
    assert_int_equal(link_next(link, (const uint8_t *)"one", 3, link), ERR_OK);
    expect_head(c, 1, link);
}

/* More than one call takes: what was added before is sent. Refused records stay in the next call.
 */
static enum err fill(struct store_restore *r, const char *name, struct err_text *why)
{
    enum err e = ERR_OK;
    char id[24];
    for (int i = 0; e == ERR_OK && i < RECORDS; i++) {
        (void)snprintf(id, sizeof id, "%s-%d", name, i);
        e = add_record(r, id, 1, why);
    }
    return e;
}

static void it_is_one_restore(void **state)
{
    struct client *c = *state;
    struct store_restore one;
    struct store_restore other;
    struct err_text why = {""};
    char before[128];
    begin(c, &one, EPOCH, 41);
    must(fill(&one, "a", &why), &why);
    head(c, "{p0}:restoring", before);
    assert_string_equal(before, EPOCH " 41 0 " LINK);
    begin(c, &other, OTHER_EPOCH, 41);
    assert_int_equal(fill(&other, "o", &why), ERR_EXISTS);
    store_restore_fini(&other);
    /* emptied in between by somebody who begins again: nothing of the first one may follow */
    assert_int_equal(test_redis_ask(&c->redis, "DEL {p0}:restoring {p0}:r:case"), 2);
    assert_int_equal(fill(&one, "b", &why), ERR_CONFIG);
    assert_int_equal(test_redis_ask(&c->redis, "EXISTS {p0}:r:case {p0}:restoring"), 0);
    store_restore_fini(&one);
}

static void without_an_entry_it_has_no_end(void **state)
{
    struct client *c = *state;
    struct store_restore r;
    struct err_text why = {""};
    begin(c, &r, EPOCH, 41);
    must(add_record(&r, "c-1", 3, &why), &why);
    assert_int_equal(store_restore_end(&r, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "nothing was restored"));
    assert_int_equal(test_redis_ask(&c->redis, "EXISTS {p0}:head"), 0);
    store_restore_fini(&r);
}

static void a_journal_that_is_lost_meanwhile_is_missed(void **state)
{
    struct client *c = *state;
    struct store_restore r;
    struct err_text why = {""};
    begin(c, &r, EPOCH, 41);
    must(add_entry(&r, "forty-two", 0, &why), &why);
    must(fill(&r, "f", &why), &why);
    assert_int_equal(test_redis_ask(&c->redis, "DEL {p0}:journal"), 1);
    assert_int_equal(store_restore_end(&r, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "journal and head differ"));
    store_restore_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_goes_on_behind_an_entry, start, stop),
        cmocka_unit_test_setup_teardown(what_may_leave_leaves, start, stop),
        cmocka_unit_test_setup_teardown(it_begins_with_entry_1, start, stop),
        cmocka_unit_test_setup_teardown(it_is_one_restore, start, stop),
        cmocka_unit_test_setup_teardown(without_an_entry_it_has_no_end, start, stop),
        cmocka_unit_test_setup_teardown(a_journal_that_is_lost_meanwhile_is_missed, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
