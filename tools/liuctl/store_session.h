/* Redis for a command: a loop and a store, and waiting for one answer at a time. */
#ifndef LIU_LIUCTL_STORE_SESSION_H
#define LIU_LIUCTL_STORE_SESSION_H

#include "liuctl/cli.h"
#include "store/store.h"

struct session {
    struct cli *cli;
    struct loop *loop;
    struct store *store;
    bool done; /* set by a callback */
    enum err err;
};

/* Opens a session; `checked` waits until the store has passed its checks (not so for init and
 * migrate). */
int session_open(struct cli *c, struct session *s, bool checked);
/* A checked one that takes a halted store, too: to read it. */
int session_open_halted(struct cli *c, struct session *s);
void session_close(struct session *s);

/* Turns the loop until a callback sets s->done. CLI_OK, or CLI_TEMPORARY when Redis went away. */
int session_wait(struct session *s);

/* One command of any kind, also of a store that was not checked: waits for the connection, then for
 * the answer, which `fn` takes and whose s->done and s->err it sets. */
int session_raw(struct session *s, int argc, const char *const *argv, store_raw_fn *fn, void *arg);

/* The journal's head now. */
int session_head(struct session *s, uint64_t *seq);

#endif
