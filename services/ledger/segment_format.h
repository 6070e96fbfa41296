/* The bytes of a segment, shared by its writer and its reader only. See segment.h for the layout.
 */
#ifndef LIU_LEDGER_SEGMENT_FORMAT_H
#define LIU_LEDGER_SEGMENT_FORMAT_H

#include "base/bytes.h"
#include "services/ledger/folder.h"
#include "services/ledger/segment.h"

#define SEGMENT_MAGIC "LIUSEG1\n"
#define SEGMENT_FORMAT 1u
#define SEGMENT_SUFFIX ".seg"

void segment_encode_head(const struct segment_head *h, uint8_t out[SEGMENT_HEADER_BYTES]);

/* ERR_DATA_LOSS with the reason. The digest is not part of the header and stays zero. */
enum err segment_decode_head(const uint8_t in[SEGMENT_HEADER_BYTES], struct segment_head *out,
                             struct err_text *why) LIU_MUST_USE;

/* SHA-256 of a segment's bytes, piece by piece (ease.h). */
enum err segment_hash(const uint8_t *p, size_t n, uint8_t out[SHA256_BYTES]) LIU_MUST_USE;

/* May `next` follow `last` within a stream of this kind? */
bool segment_follows(enum segment_kind kind, struct segment_pos last, struct segment_pos next);

#endif
