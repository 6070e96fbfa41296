/* Unpacking protobuf under a budget, and packing into an arena.
 *
 * protobuf-c has no limit of its own: 1 MiB on the wire can become 92 MiB of heap. All unpacked
 * messages therefore live in an arena whose budget is the limit, and are never freed one by one.
 */
#ifndef LIU_WIRE_UNPACK_H
#define LIU_WIRE_UNPACK_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

/* ERR_PROTO malformed, ERR_NOMEM over the budget or no memory. *out lives in the arena. */
enum err wire_unpack(struct arena *a, const ProtobufCMessageDescriptor *d, const uint8_t *data,
                     size_t bytes, ProtobufCMessage **out) LIU_MUST_USE;

/* Packs into the arena. ERR_NOMEM. */
enum err wire_pack(struct arena *a, const ProtobufCMessage *m, const uint8_t **data,
                   size_t *bytes) LIU_MUST_USE;

/* Message descriptor of a full name of our package ("ismap.liu.v1.Case"); NULL when unknown.
 * The table of all messages is in lib/wire/types.c. */
const ProtobufCMessageDescriptor *wire_type(const char *full_name);

/* All messages, sorted by full name. */
size_t wire_type_count(void);
const ProtobufCMessageDescriptor *wire_type_at(size_t i); /* i < wire_type_count() */

#endif
