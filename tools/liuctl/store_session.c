/* A command is straight-line code, the store is not: turn the loop until the answer is there. */
#include "liuctl/store_session.h"

#include "base/clock.h"

static int open_it(struct cli *c, struct session *s, bool checked, bool halted_too)
{
    *s = (struct session){.cli = c};
    int status = cli_load_config(c);
    if (status != CLI_OK)
        return status;
    if (c->config.redis_address[0] == '\0')
        return cli_fail(c, CLI_USAGE,
                        c->ja ? "設定に redis_address がありません"
                              : "redis_address is not configured");
    struct store_config sc = {.address = c->config.redis_address,
                              .user = c->config.redis_user,
                              .password_file = c->config.redis_password_file,
                              .partition = c->config.partition,
                              .timeout_ms = c->config.timeout_ms,
                              .halted_too = halted_too};
    store_take_tls(&sc, &c->config.redis_tls);
    struct err_text why = {""};
    if (loop_create(&s->loop) != ERR_OK || store_create(s->loop, &sc, &s->store, &why) != ERR_OK)
        return cli_fail(c, CLI_USAGE, "%s", why.text);
    int64_t until = clock_mono_ms() + c->config.timeout_ms;
    const char *reason = "";
    struct cli_wait wait;
    cli_wait_begin(c, &wait, c->config.redis_address);
    while (checked && !store_ready(s->store, &reason)) {
        enum err e = loop_turn(s->loop, 10);
        cli_wait_tick(&wait, reason);
        if ((e != ERR_OK && e != ERR_AGAIN) || clock_mono_ms() > until) {
            cli_wait_end(&wait);
            return cli_fail(c, CLI_TEMPORARY, "%s: %s", c->config.redis_address, reason);
        }
    }
    cli_wait_end(&wait);
    return CLI_OK;
}

int session_open(struct cli *c, struct session *s, bool checked)
{
    return open_it(c, s, checked, false);
}

int session_open_halted(struct cli *c, struct session *s)
{
    return open_it(c, s, true, true);
}

void session_close(struct session *s)
{
    store_destroy(s->store);
    loop_destroy(s->loop);
}

int session_wait(struct session *s)
{
    struct cli_wait wait;
    cli_wait_begin(s->cli, &wait, s->cli->config.redis_address);
    while (!s->done) {
        enum err e = loop_turn(s->loop, 10);
        cli_wait_tick(&wait, NULL);
        if (e != ERR_OK && e != ERR_AGAIN)
            return cli_fail(s->cli, CLI_TEMPORARY,
                            s->cli->ja ? "内部の処理に失敗しました。もう一度実行してください"
                                       : "the loop failed: run it again");
    }
    cli_wait_end(&wait);
    s->done = false;
    if (s->err != ERR_OK)
        return cli_fail(s->cli, CLI_TEMPORARY, "Redis: %s", err_name(s->err));
    return CLI_OK;
}

int session_raw(struct session *s, int argc, const char *const *argv, store_raw_fn *fn, void *arg)
{
    int64_t until = clock_mono_ms() + s->cli->config.timeout_ms;
    enum err e = store_raw(s->store, argc, argv, NULL, fn, arg);
    while (e == ERR_UNAVAILABLE && clock_mono_ms() < until) {
        enum err turn = loop_turn(s->loop, 10);
        if (turn != ERR_OK && turn != ERR_AGAIN)
            break;
        e = store_raw(s->store, argc, argv, NULL, fn, arg);
    }
    if (e == ERR_OK)
        return session_wait(s);
    const char *reason = "";
    if (store_ready(s->store, &reason))
        return cli_redis_away(s->cli);
    return cli_fail(s->cli, CLI_TEMPORARY, "%s: %s", s->cli->config.redis_address, reason);
}

struct head_answer {
    struct session *session;
    uint64_t seq;
};

static void on_head(void *arg, enum err e, uint64_t seq)
{
    struct head_answer *h = arg;
    h->session->err = e;
    h->session->done = true;
    h->seq = seq;
}

int session_head(struct session *s, uint64_t *seq)
{
    struct head_answer h = {.session = s};
    if (store_head(s->store, on_head, &h) != ERR_OK)
        return cli_redis_away(s->cli);
    int status = session_wait(s);
    *seq = h.seq;
    return status;
}
