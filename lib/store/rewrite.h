/* Redis' append-only file: how big it is, and rewriting it to what is needed. For the ledger; needs
 * the rights +info +bgrewriteaof.
 */
#ifndef LIU_STORE_REWRITE_H
#define LIU_STORE_REWRITE_H

#include "store/store.h"

struct store_append_file {
    uint64_t bytes;      /* now */
    uint64_t base_bytes; /* after the last rewrite, or at the start of Redis */
    bool rewriting;      /* a rewrite or a copy is under way, or will be at once */
    bool failed;         /* the last rewrite did */
};

/* ERR_OK, ERR_UNAVAILABLE or ERR_PROTO with NULL. */
typedef void store_append_file_fn(void *arg, enum err e, const struct store_append_file *f);
enum err store_append_file(struct store *s, store_append_file_fn *fn, void *arg) LIU_MUST_USE;

/* Starts a rewrite (BGREWRITEAOF: Redis forks and goes on). ERR_CONFLICT with a reason when Redis
 * refuses, for instance because one is under way. */
typedef void store_rewrite_fn(void *arg, enum err e, const char *why);
enum err store_rewrite(struct store *s, store_rewrite_fn *fn, void *arg) LIU_MUST_USE;

/* ---- the judgment, without a connection */

/* The text that INFO persistence answers; ERR_PROTO when it does not tell. */
enum err append_file_of(const char *info, struct store_append_file *out) LIU_MUST_USE;

#endif
