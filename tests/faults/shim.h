/* What the shim inside redis-server and the services can be told to do, while they run.
 *
 * The shim (LD_PRELOAD) maps LIU_FAULTS/<program>.faults when that file exists (as in
 * "liu-intake.faults") and is inert when it does not. The file is one struct faults, written by
 * tests/faults/control.py: both know the same order of fields. All are 64 bits wide, little-endian
 * as the machine is; 0 switches a fault off.
 */
#ifndef LIU_TESTS_FAULTS_SHIM_H
#define LIU_TESTS_FAULTS_SHIM_H

#include <stdint.h>

enum fault_point {
    FAULT_NEVER,
    FAULT_BEFORE_COMMIT, /* a call of the Function is about to be sent to Redis */
    FAULT_AFTER_COMMIT,  /* it was sent, its answer was not read */
    FAULT_AFTER_ANSWER,  /* Redis' answer to such a call was read, nobody was told */
    FAULT_BEFORE_REPLY,  /* bytes are about to go to a peer on TCP */
    FAULT_AFTER_REPLY,   /* they went */
    FAULT_BEFORE_WRITE,  /* Redis: a write of the append-only file */
    FAULT_TORN_WRITE,    /* Redis: half of that write was made */
    FAULT_BEFORE_SYNC,   /* Redis: its sync */
    FAULT_AFTER_SYNC,    /* Redis: the sync was made, no client has an answer */
    FAULT_RENAME         /* ledger: a finished segment is about to get its name */
};

struct faults {
    int64_t clock_ahead_ms; /* added to the time of day; may be negative */
    int64_t disk_full;      /* writes to files fail with ENOSPC, after half of what was asked */
    int64_t sync_delay_us;  /* before each sync of a file */
    int64_t point;          /* enum fault_point: the process kills itself there */
    int64_t countdown;      /* at the n-th time; changed by the shim */
    int64_t seen;           /* times that a fault was made; changed by the shim */
};

#endif
