/* In some runs records and receipts leave the store for the ledger's table after a second or more.
 * Then parties come back to what is old, the ledger is away for a while, and its table gets lost.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/check_cold.h"
#include "replay/drive.h"
#include "replay/drive_pick.h"

#define SHARE 4 /* one run of so many */
#define AWAY_MS 9000
#define LEAVES_MS 4000
#define WALK_CASES 64

bool drive_all_cold;

static struct { /* a list being walked */
    bool under_way;
    struct agent *agent;
    size_t n;
    const struct mem_record *cases[WALK_CASES];
    bool seen[WALK_CASES];
} walk;

/* Of the seed alone, so that the stories of the other runs are what they are without it. */
void drive_cold_begin(uint64_t seed)
{
    static const uint64_t cold_bits[] = {8, 64, 512, 4096};
    static const uint64_t left_bits[] = {32, 128, 1024, 8192};
    struct rng r = {~seed};
    walk.under_way = false;
    if (rng_below(&r, SHARE) > 0 && !drive_all_cold)
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

/* ---- a list, page by page: what was there at its beginning is in it, wherever it is meanwhile */

static void next_page(const char *page);

static void take_case(const char *id)
{
    for (size_t i = 0; i < walk.n; i++)
        walk.seen[i] = walk.seen[i] || strcmp(walk.cases[i]->id, id) == 0;
}

static void on_page(struct request *r)
{
    struct arena a;
    ProtobufCMessage *m;
    walk.under_way = r->status == FLOW_STATUS(OK);
    if (!walk.under_way)
        return;
    arena_init(&a, 8 * LIMIT_REPLY_BYTES);
    if (wire_unpack(&a, &ismap__liu__v1__case_list__descriptor, r->reply, r->reply_bytes, &m) !=
        ERR_OK)
        abort();
    const Ismap__Liu__V1__CaseList *l = (const void *)m;
    for (size_t i = 0; i < l->n_cases; i++)
        take_case(l->cases[i]->record->id);
    walk.under_way = l->next_page[0] != '\0';
    if (walk.under_way)
        next_page(l->next_page);
    for (size_t i = 0; i < walk.n && !walk.under_way; i++)
        if (!walk.seen[i])
            sim_fail("the list of all cases lacks %s, which was there when it began",
                     walk.cases[i]->id);
    arena_fini(&a);
}

static void next_page(const char *page)
{
    Ismap__Liu__V1__ListCases m = ISMAP__LIU__V1__LIST_CASES__INIT;
    const struct agent_how how = {.done = on_page};
    m.page = TEXT(page);
    m.max = (uint32_t)(1 + below(12));
    (void)agent_send(walk.agent, NODE_INTAKE, &m.base, &how);
}

static void list_all(void)
{
    const struct memstore *s = &sim.store;
    if (walk.under_way)
        return;
    walk.under_way = true;
    walk.agent = OPERATOR();
    for (walk.n = 0; walk.n < s->n_scan[RECORD_CASE] && walk.n < WALK_CASES; walk.n++) {
        walk.cases[walk.n] = s->scan[RECORD_CASE][walk.n];
        walk.seen[walk.n] = false;
    }
    next_page("");
}

void drive_cold(void)
{
    static void (*const acts[])(void) = {time_to_leave, time_to_leave, come_back,
                                         come_back,     come_back,     list_all};
    uint64_t dice = below(12);
    if (dice == 0)
        ledger_away(1000);
    else if (dice == 1)
        table_lost();
    else
        acts[below(sizeof acts / sizeof acts[0])]();
}
