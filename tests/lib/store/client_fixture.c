/* See client_fixture.h. */
#include "lib/store/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum err client_init_store(struct client *c, struct err_text *why)
{
    static const char *const audience[] = {"public"};
    struct commit_put put = {RECORD_PARTY, "min-a", 0, (const uint8_t *)"A", 1};
    struct commit_entry entry = {(const uint8_t *)"genesis", 7, "StoreInitialised", audience, 1};
    struct commit first = {
        .now_ms = AT, .puts = &put, .n_puts = 1, .entries = &entry, .n_entries = 1};
    enum err e = store_load_library(c->store, why);
    return e != ERR_OK ? e : store_init(c->store, EPOCH, &first, why);
}

static void connect_as(struct client *c, const struct store_config *config)
{
    struct err_text why;
    assert_int_equal(loop_create(&c->loop), ERR_OK);
    if (store_create(c->loop, config, &c->store, &why) != ERR_OK)
        fail_msg("store_create: %s", why.text);
}

void client_connect(struct client *c, const char *address, int64_t timeout_ms)
{
    connect_as(
        c, &(struct store_config){.address = address, .partition = "p0", .timeout_ms = timeout_ms});
}

void client_connect_waiting(struct client *c, const char *address, int64_t unconfirmed_ms)
{
    connect_as(c, &(struct store_config){
                      .address = address, .partition = "p0", .unconfirmed_ms = unconfirmed_ms});
}

void client_disconnect(struct client *c)
{
    store_destroy(c->store);
    loop_destroy(c->loop);
    c->store = NULL;
    c->loop = NULL;
}

int client_server_start(void **state)
{
    struct client *c = calloc(1, sizeof(*c));
    struct err_text why;
    *state = c;
    if (c == NULL || !test_redis_start(&c->redis, NULL))
        return -1;
    client_connect(c, c->redis.address, 0);
    enum err e = client_init_store(c, &why);
    if (e != ERR_OK)
        fprintf(stderr, "init: %s\n", why.text);
    client_disconnect(c);
    return e == ERR_OK ? 0 : -1;
}

int client_server_stop(void **state)
{
    struct client *c = *state;
    test_redis_destroy(&c->redis);
    free(c);
    return 0;
}

int client_open(void **state)
{
    struct client *c = *state;
    client_connect(c, c->redis.address, 0);
    client_until_ready(c);
    return 0;
}

int client_close(void **state)
{
    client_disconnect(*state);
    return 0;
}

void client_until(struct client *c, const bool *flag)
{
    const char *why = "";
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (!*flag) {
        (void)loop_turn(c->loop, 20);
        if (clock_mono_ms() > end) {
            (void)store_ready(c->store, &why);
            fail_msg("waited too long (store: %s)", why);
        }
    }
}

void client_until_ready(struct client *c)
{
    const char *why = "";
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (!store_ready(c->store, &why)) {
        (void)loop_turn(c->loop, 20);
        if (clock_mono_ms() > end)
            fail_msg("not ready: %s", why);
    }
}

void client_until_refused(struct client *c, const char *part)
{
    const char *why = "";
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (store_ready(c->store, &why) || strstr(why, part) == NULL) {
        (void)loop_turn(c->loop, 20);
        if (clock_mono_ms() > end)
            fail_msg("expected '%s', the store says '%s'", part, why);
    }
}

void commit_make(struct commit_memory *m, const char *id, bool receipt)
{
    (void)snprintf(m->id, sizeof(m->id), "%s", id);
    m->put = (struct commit_put){RECORD_CASE, m->id, 0, (const uint8_t *)m->id, strlen(m->id)};
    m->audience[0] = "min-a";
    m->entry = (struct commit_entry){(const uint8_t *)m->id, strlen(m->id), "CaseSubmitted",
                                     m->audience, 1};
    m->commit = (struct commit){.receipt_party = receipt ? "min-a" : NULL,
                                .receipt_id = m->id,
                                .now_ms = AT,
                                .puts = &m->put,
                                .n_puts = 1,
                                .entries = &m->entry,
                                .n_entries = 1};
}

void on_committed(void *arg, const struct commit_result *r)
{
    struct committed *c = arg;
    c->done = true;
    c->status = r->status;
    c->seq = r->seq;
    (void)snprintf(c->text, sizeof(c->text), "%s", r->text);
}

struct committed client_commit(struct client *c, enum store_lane lane, const struct commit *commit)
{
    struct committed r = {.done = false};
    assert_int_equal(store_commit(c->store, lane, commit, on_committed, &r), ERR_OK);
    assert_false(r.done);
    client_until(c, &r.done);
    return r;
}
