/* What a repetition of a message is answered by: the receipt, as the Function keeps it and as the
 * journal's entries carry it (docs/decisions/0022).
 */
#ifndef LIU_STORE_RECEIPTS_H
#define LIU_STORE_RECEIPTS_H

#include "base/buf.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "store/commit.h"

/* The receipt that this entry of the journal carries: party, id, request hash, reply and time of
 * `out`, all borrowed from it. False = it carries none. */
bool receipt_of_entry(const Ismap__Liu__V1__JournalEntry *e, struct commit *out);

/* The receipt that the Function keeps of this commit at this place of the journal, appended to `b`:
 * receipt_decode (store/encode.h) reads it. ERR_LIMIT, ERR_NOMEM. */
enum err receipt_encode(struct buf *b, uint64_t seq, const struct commit *c) LIU_MUST_USE;

/* Its name in the ledger's table, as RECORD_RECEIPT has it. False = too long for `out`. */
#define RECEIPT_NAME_BYTES 257
bool receipt_name(const struct commit *c, char out[RECEIPT_NAME_BYTES]);

#endif
