/* In some runs records and receipts leave the store for the ledger's table after a second or more.
 * Then parties come back to what is old, the ledger is away for a while, and its table gets lost.
 */
#include <unistd.h>

#include "replay/check_cold.h"
#include "replay/drive.h"
#include "replay/drive_pick.h"

#define SHARE 4 /* one run of so many */
#define AWAY_MS 9000
#define LEAVES_MS 4000

/* Of the seed alone, so that the stories of the other runs are what they are without it. */
void drive_cold_begin(uint64_t seed)
{
    static const uint64_t cold_bits[] = {8, 64, 512, 4096};
    static const uint64_t left_bits[] = {32, 128, 1024, 8192};
    struct rng r = {~seed};
    if (rng_below(&r, SHARE) > 0)
        return;
    sim.ledger.freeze_seconds = 1 + (int64_t)rng_below(&r, 3);
    sim.store.cold_bits_max = cold_bits[rng_below(&r, 4)]; /* the smaller, the more often wrong */
    sim.store.left_bits_min = left_bits[rng_below(&r, 4)];
}

bool drive_is_cold(void)
{
    return sim.ledger.freeze_seconds > 0;
}

/* ---- what happens */

static void ledger_away(int64_t least_ms)
{
    struct node *n = &sim.nodes[NODE_LEDGER];
    if (n->flow == NULL)
        return;
    int64_t ms = least_ms + (int64_t)below(AWAY_MS);
    sim_trace("the ledger is away for %lld ms", (long long)ms);
    node_crash(n);
    node_restart_after(n, ms * SIM_MS);
}

static void table_lost(void)
{
    ledger_away(0);
    sim_trace("its table is lost");
    if (sim.nodes[NODE_LEDGER].flow == NULL)
        (void)unlink(SIM_ARCHIVE "/" SIM_EPOCH "/cold/data.mdb");
}

static void time_to_leave(void)
{
    (void)drive_until(sim.now_us + (int64_t)below(LEAVES_MS) * SIM_MS);
}

static void come_back(void)
{
    for (uint64_t n = 1 + below(6); n > 0; n--)
        drive_repeat();
    if (below(4) == 0)
        drive_reuse_id();
}

void drive_cold(void)
{
    static void (*const acts[])(void) = {time_to_leave, time_to_leave, come_back, come_back,
                                         come_back};
    uint64_t dice = below(12);
    if (dice == 0)
        ledger_away(1000);
    else if (dice == 1)
        table_lost();
    else
        acts[below(sizeof acts / sizeof acts[0])]();
}
