/* Records and receipts of a restore: into Redis, and, where not all of them have room, from there
 * into the ledger's table of what has left Redis (services/ledger/cold_file.h), with their bits in
 * the filters, as the ledger does it (docs/decisions/0020, 0022, 0028). What an entry behind `upto`
 * wrote stays: the ledger finds the others in the archive when the table has to be made again.
 */
#ifndef LIU_LIUCTL_RESTORE_COLD_H
#define LIU_LIUCTL_RESTORE_COLD_H

#include "services/ledger/cold_file.h"
#include "store/restore.h"

struct restore_cold {
    struct store_restore *to;
    uint64_t upto;
    uint64_t filter_bits;
    struct cold_file *file; /* NULL = all of it stays in Redis */
    struct cold_move moves[COLD_ASK_MAX];
    struct buf names; /* of the moves, each in a place of NAME_BYTES */
    size_t n;
    size_t written; /* since the table was last synced */
    size_t bytes;   /* of them */
    struct err_text *why;
};

/* May a record leave that has this id? */
bool restore_cold_may(enum record_kind kind, size_t id_bytes);

/* For `n` records that may leave, where Redis has `max_bytes`: bytes of their filter, and about
 * those of the filters of `receipts`. */
uint64_t restore_cold_filter(uint64_t n, uint64_t max_bytes);
uint64_t restore_cold_left(uint64_t receipts);

/* The restore has begun. `dir`: where the table is made; NULL = all of it stays. */
enum err restore_cold_begin(struct restore_cold *c, struct store_restore *to, const char *dir,
                            struct err_text *why) LIU_MUST_USE;
/* As the entry `seq` left it. */
enum err restore_cold_record(struct restore_cold *c, const struct cold_record *r) LIU_MUST_USE;
/* The receipt of the entry `seq`, which carries it. */
enum err restore_cold_receipt(struct restore_cold *c, const struct commit *receipt,
                              uint64_t seq) LIU_MUST_USE;
/* A receipt of Redis, of the entry `seq` (0 = of none), perhaps carried by no entry: then it stays.
 */
enum err restore_cold_other(struct restore_cold *c, const struct commit *receipt,
                            uint64_t seq) LIU_MUST_USE;
/* The table is durable and closed. */
enum err restore_cold_end(struct restore_cold *c) LIU_MUST_USE;
void restore_cold_fini(struct restore_cold *c);

#endif
