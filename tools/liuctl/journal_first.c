/* See journal_first.h. */
#include "liuctl/journal_first.h"

#include "services/ledger/journal_begins.h"

struct look {
    struct session *session;
    uint64_t seq;
};

static void on_first(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct look *l = arg;
    l->seq = e == ERR_OK && n > 0 ? entries[0].seq : 0;
    l->session->err = e;
    l->session->done = true;
}

int journal_first(struct session *s, uint64_t *store, uint64_t *first)
{
    struct cli *c = s->cli;
    struct look look = {.session = s};
    struct err_text why = {""};
    *store = *first = 0;
    if (store_entries(s->store, 1, UINT64_MAX, 1, on_first, &look) != ERR_OK)
        return cli_redis_away(c);
    int status = session_wait(s);
    *store = look.seq;
    if (status != CLI_OK || c->config.archive_dir[0] == '\0')
        return status;
    const char *dir =
        arena_printf(&c->arena, "%s/%s", c->config.archive_dir, store_epoch(s->store));
    if (dir == NULL)
        return cli_no_memory(c);
    enum err e = journal_begins(dir, look.seq, first, &why);
    return e == ERR_OK || e == ERR_DATA_LOSS /* for a walk to tell */
               ? CLI_OK
               : cli_fail(c, CLI_TEMPORARY, "%s", why.text);
}
