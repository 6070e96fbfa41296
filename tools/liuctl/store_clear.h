/* Emptying a partition that is to be restored: one that is halted, or under a restore that had no
 * end. Noise stays: no entry carries it, and the new epoch's ledger archives it.
 */
#ifndef LIU_LIUCTL_STORE_CLEAR_H
#define LIU_LIUCTL_STORE_CLEAR_H

#include "liuctl/store_session.h"

#define STORE_HEAD_BYTES 192

/* "" = there is none. */
struct store_heads {
    char now[STORE_HEAD_BYTES];   /* the partition's head */
    char begun[STORE_HEAD_BYTES]; /* of a restore; "done" after it */
};

/* The session need not be checked; so below. CLI_OK, or an exit status with a message printed. */
int store_heads(struct session *s, struct store_heads *out);

/* A restore was begun and has no end. */
bool store_interrupted(const struct store_heads *h);

/* Loads the Function library and removes all keys, the heads last: interrupted it is called again.
 * Refused unless the heads are these, and the partition is halted or under a restore. */
int store_clear(struct session *s, const struct store_heads *h);

#endif
