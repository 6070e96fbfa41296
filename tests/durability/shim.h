/* What the shim inside redis-server writes down, and what it can be told to do.
 *
 * The shim (LD_PRELOAD) sees every write and sync of the append-only file and every write to a
 * client, in the order in which Redis does them, and appends one record each to LIU_SHIM_DIR/log.
 * A file there changes what it does at the next sync:
 *
 *   lose  the power fails: what was written since the last sync is cut off, the process is killed
 *   torn  the same, but all except the last bytes of it had reached the disk
 *   lie   syncs answer success and do nothing, as a disk with a careless cache does
 */
#ifndef LIU_TESTS_DURABILITY_SHIM_H
#define LIU_TESTS_DURABILITY_SHIM_H

#include <stdint.h>

enum shim_kind { SHIM_WRITE = 1, SHIM_SYNC = 2, SHIM_REPLY = 3, SHIM_LOST = 4 };

#define SHIM_REPLY_MAX 65536u /* bytes of a reply that are kept */

struct shim_record {
    uint32_t kind;
    uint32_t bytes;  /* that follow: those of a reply */
    uint64_t length; /* of the append-only file, written */
    uint64_t synced; /* of it, known to be on disk */
};

#endif
