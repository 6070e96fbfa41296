#include "liuctl/upkeep_note.h"

#include "wire/unpack.h"

struct note {
    struct session *session;
    uint64_t revision;
};

static void on_noted(void *arg, const struct commit_result *r)
{
    struct note *n = arg;
    n->session->err = r->status == COMMIT_OK ? ERR_OK : ERR_CONFLICT;
    n->session->done = true;
}

static void on_revision(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct note *note = arg;
    note->session->err = e;
    note->session->done = true;
    note->revision = e == ERR_OK && n == 1 && records[0].exists ? records[0].revision : 0;
}

bool upkeep_note(struct session *s, const char *id, const Ismap__Liu__V1__Upkeep *m)
{
    struct note n = {.session = s};
    const struct store_key key = {RECORD_UPKEEP, id};
    struct commit_put put = {.kind = RECORD_UPKEEP, .id = id};
    struct commit note = {.reply_type = "", .now_ms = m->at_ms, .puts = &put, .n_puts = 1};
    bool ok = wire_pack(&s->cli->arena, &m->base, &put.value, &put.value_bytes) == ERR_OK &&
              store_read(s->store, &key, 1, on_revision, &n) == ERR_OK && session_wait(s) == CLI_OK;
    put.expected = n.revision;
    return ok && store_commit(s->store, STORE_MAIN, &note, on_noted, &n) == ERR_OK &&
           session_wait(s) == CLI_OK;
}
