/* Where in a received PushAlerts message each alert stands. Digests and hashes of alerts are taken
 * over these bytes, as they were received: another encoder may write the same alert differently.
 *
 * A reader of the wire format's outermost level and nothing more: the message has been decoded and
 * validated before. Pure.
 */
#ifndef LIU_MONITOR_SLICES_H
#define LIU_MONITOR_SLICES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SLICES_FIELD_ALERTS 4u /* PushAlerts.alerts */

struct slice {
    const uint8_t *data; /* into the message */
    size_t bytes;
};

/* Finds every occurrence of the length-delimited field, in order. ERR_PROTO when the bytes are no
 * message, ERR_LIMIT with more than `max` occurrences. */
enum err slices_find(const uint8_t *data, size_t bytes, uint32_t field, struct slice *out,
                     size_t max, size_t *n) LIU_MUST_USE;

#endif
