/* Messages with every field set, made from a descriptor and a seed: for property tests and seed
 * corpora. */
#ifndef LIU_TEST_WIRE_FILL_H
#define LIU_TEST_WIRE_FILL_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

/* No field has its default value; lists have one to three items. The same seed gives the same
 * message; *seed moves on. NULL when the arena is spent. Recurses: message types are not recursive.
 */
ProtobufCMessage *fill_message(struct arena *a, const ProtobufCMessageDescriptor *d,
                               uint64_t *seed);

#endif
