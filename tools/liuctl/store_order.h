/* An operator's signed order about the store itself (ConfirmStore, RecoverStore): no service takes
 * it, because it concerns the ground they stand on. It is carried out here and kept in the journal
 * as it was signed, so that who ordered it, and why, can be proved as of any other order.
 */
#ifndef LIU_LIUCTL_STORE_ORDER_H
#define LIU_LIUCTL_STORE_ORDER_H

#include "liuctl/store_session.h"

struct store_order {
    const char *id;
    const uint8_t *envelope; /* packed and signed; in the arena of the command */
    size_t bytes;
};

/* Is `why` (may be NULL) a reason, and are there signing keys? CLI_OK, or an exit status with a
 * message printed. */
int store_order_reason(struct cli *c, const char *why, char **reason);

/* Is --as an operator of this store, with the key that would sign? To be called before anything is
 * changed. CLI_OK, or an exit status with a message printed. */
int store_order_allowed(struct session *s);

/* Signs it. CLI_OK, or an exit status with a message printed. */
int store_order_sign(struct cli *c, const ProtobufCMessage *order, struct store_order *out);

/* The journal entry that keeps it; `event` has the envelope in it. False without memory. */
bool store_order_entry(struct cli *c, const struct store_order *o, const ProtobufCMessage *event,
                       int64_t now_ms, struct commit_entry *out);

#endif
