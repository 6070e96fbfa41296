/* See function_fixture.h. */
#include "lib/store/function_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static redisReply *load(redisContext *c)
{
    return redisCommand(c, "FUNCTION LOAD REPLACE %s", store_library_text());
}

int fixture_start(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    if (f == NULL || !test_redis_start(&f->redis, NULL))
        return -1;
    f->c = test_redis_connect(&f->redis);
    if (f->c == NULL)
        return -1;
    redisReply *r = load(f->c);
    if (r == NULL || r->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "FUNCTION LOAD: %s\n", r == NULL ? f->c->errstr : r->str);
        return -1;
    }
    freeReplyObject(r);
    return 0;
}

int fixture_stop(void **state)
{
    struct fixture *f = *state;
    redisFree(f->c);
    test_redis_destroy(&f->redis);
    free(f);
    return 0;
}

int fixture_partition(void **state)
{
    static int number;
    static const char *const audience[] = {"public"};
    struct fixture *f = *state;
    (void)snprintf(f->partition, sizeof(f->partition), "t%d", ++number);
    if (encoder_init(&f->encoder, f->partition) != ERR_OK)
        return -1;
    f->call = (struct encoder_call){.function = "liu_init",
                                    .epoch = EPOCH,
                                    .receipt_window_ms = 60000,
                                    .receipts_max = 1000,
                                    .all_records = true};
    struct commit_put put = {RECORD_PARTY, "min-a", 0, (const uint8_t *)"A", 1};
    struct commit_entry entry = {(const uint8_t *)"genesis", 7, "StoreInitialised", audience, 1};
    struct commit c = {.now_ms = AT, .puts = &put, .n_puts = 1, .entries = &entry, .n_entries = 1};
    struct commit_result *r = fixture_commit(f, &c);
    if (r == NULL || r->status != COMMIT_OK || r->seq != 1)
        return -1;
    f->call.function = "liu_commit";
    f->call.all_records = false;
    return 0;
}

int fixture_done(void **state)
{
    struct fixture *f = *state;
    encoder_fini(&f->encoder);
    freeReplyObject(f->reply);
    f->reply = NULL;
    return 0;
}

void fixture_add(struct fixture *f, const struct commit *c)
{
    const char *why = NULL;
    if (encoder_add(&f->encoder, c, &why) != ERR_OK)
        fail_msg("encoder_add: %s", why);
}

static redisReply *roundtrip(struct fixture *f, const struct buf *b)
{
    freeReplyObject(f->reply);
    f->reply = NULL;
    void *reply = NULL;
    if (redisAppendFormattedCommand(f->c, (const char *)b->data, b->len) != REDIS_OK ||
        redisGetReply(f->c, &reply) != REDIS_OK)
        fail_msg("redis: %s", f->c->errstr);
    f->reply = reply;
    return reply;
}

const char *fixture_send(struct fixture *f)
{
    struct buf b;
    buf_init(&b, ENCODE_BYTES_MAX);
    assert_int_equal(encoder_finish(&f->encoder, &f->call, &b), ERR_OK);
    redisReply *r = roundtrip(f, &b);
    buf_fini(&b);
    if (r->type == REDIS_REPLY_ERROR)
        return r->str;
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < r->elements && i < 32; i++) {
        const redisReply *one = r->element[i];
        assert_int_equal(answer_decode((const uint8_t *)one->str, (size_t)one->len, AT,
                                       &f->texts[i], &f->results[i]),
                         ERR_OK);
    }
    return NULL;
}

struct commit_result *fixture_commit(struct fixture *f, const struct commit *c)
{
    fixture_add(f, c);
    const char *error = fixture_send(f);
    if (error != NULL)
        fail_msg("call refused: %s", error);
    return &f->results[0];
}

redisReply *fixture_ask(struct fixture *f, const char *format, ...)
{
    va_list ap;
    freeReplyObject(f->reply);
    va_start(ap, format);
    f->reply = redisvCommand(f->c, format, ap);
    va_end(ap);
    if (f->reply == NULL)
        fail_msg("redis: %s", f->c->errstr);
    return f->reply;
}

struct commit plain(const char *id)
{
    static struct slot {
        char id[32];
        struct commit_guard guard;
        struct commit_put put;
        struct commit_entry entry;
        const char *audience[1];
    } slots[64];
    static size_t next;
    struct slot *s = &slots[next++ % 64];
    (void)snprintf(s->id, sizeof(s->id), "%s", id);
    s->guard = (struct commit_guard){RECORD_PARTY, "min-a", 1};
    s->put = (struct commit_put){RECORD_CASE, s->id, 0, (const uint8_t *)"value", 5};
    s->audience[0] = "min-a";
    s->entry = (struct commit_entry){(const uint8_t *)"entry", 5, "CaseSubmitted", s->audience, 1};
    return (struct commit){.receipt_party = "min-a",
                           .receipt_id = s->id,
                           .request_hash = {1, 2, 3},
                           .reply = (const uint8_t *)"reply\0!",
                           .reply_bytes = 7,
                           .reply_type = "CaseOpened",
                           .now_ms = AT,
                           .guards = &s->guard,
                           .n_guards = 1,
                           .puts = &s->put,
                           .n_puts = 1,
                           .entries = &s->entry,
                           .n_entries = 1};
}

const char *fixture_digest(struct fixture *f)
{
    static char text[64];
    redisReply *r = fixture_ask(f, "DEBUG DIGEST");
    (void)snprintf(text, sizeof(text), "%s", r->str);
    return text;
}
