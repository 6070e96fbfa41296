/* The frame of each run: what is there at the beginning, how often things go wrong, and coming to
 * rest, after which everything must have been answered and acted on.
 */
#include "replay/drive.h"

#include "replay/check.h"
#include "replay/check_archive.h"
#include "replay/check_cold.h"
#include "services/ledger/core/retention.h"
#include "services/ledger/segment.h"

#define SETTLE_STEP_US                                                                             \
    (437 * SIM_MS) /* out of step with the services: polls are never all under way */
#define SETTLE_MAX_US (120000LL * SIM_MS)
#define RECALL_MAX_US (30000LL * SIM_MS)
#define IDLE_US (6000 * SIM_MS) /* cursors of idle consumers move after 2 s */

void drive_choose_faults(void)
{
    static const unsigned rates[] = {0, 0, 2, 10, 40};
    struct faults_plan *p = &sim.faults;
    if (rng_below(&sim.rng, 8) == 0)
        return; /* a fine day */
    unsigned *const of[] = {&p->frame_drop, &p->frame_twice, &p->frame_late, &p->conn_lost,
                            &p->refused,    &p->conflict,    &p->read_fails};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        *of[i] = rates[rng_below(&sim.rng, 5)];
    p->conn_lost /= 4;
    p->crash = rates[rng_below(&sim.rng, 5)];
    p->stop = rates[rng_below(&sim.rng, 4)];
    p->jump = rates[rng_below(&sim.rng, 5)];
    p->crash_at_work = 4 * rates[rng_below(&sim.rng, 5)];
    p->alloc = 5 * rates[rng_below(&sim.rng, 5)];
    p->disk = rates[rng_below(&sim.rng, 4)];
}

void drive_memory(unsigned percent)
{
    uint64_t used = memstore_used(&sim.store);
    sim.store.max_bytes = percent == 0 ? 0 : used * 100 / percent;
    sim_trace("memory of redis: %llu of %llu bytes", (unsigned long long)used,
              (unsigned long long)sim.store.max_bytes);
}

static int64_t from_to(int64_t low, int64_t high)
{
    return low + (int64_t)rng_below(&sim.rng, (uint64_t)(high - low + 1));
}

/* Small, so that a short run closes many segments and trims often. */
static void choose_settings(struct ledger_settings *s)
{
    s->segment_entries = from_to(2, 30);
    s->segment_seconds = from_to(1, 3);
    s->keep_entries = from_to(1, 40);
    s->noise_keep = rng_below(&sim.rng, 2) == 0 ? 0 : 3600;
    s->trim_seconds = 1;
    s->rewrite_seconds = 3600;
    s->snapshot_entries = from_to(5, 60);
    s->snapshot_seconds = 3600;
    s->snapshot_keep = from_to(1, 3);
    s->retention_seconds = from_to(1, 3);
    s->cold_filter = 1;
}

/* The archive shows that a period has passed before the run: noise of an earlier epoch. */
static void begin_in_the_past(int64_t days)
{
    static const char dir[] = SIM_ARCHIVE "/ffffffffffffffffffffffffffffffff/noise/witness";
    struct segment_builder b = {.head = {.count = 0}};
    struct err_text why = {""};
    enum err e = ERR_OK;
    uint8_t before[SHA256_BYTES] = {0};
    for (int64_t day = days - days % 10; e == ERR_OK && day > 0; day -= 10) {
        struct segment_entry entry = {.pos = {(uint64_t)(SIM_WALL_MS - day * RETENTION_DAY_MS), 0},
                                      .data = (const uint8_t *)"alert",
                                      .bytes = 5};
        e = segment_begin(&b, SEGMENT_NOISE, "ffffffffffffffffffffffffffffffff", "witness", before);
        if (e == ERR_OK)
            e = segment_add(&b, &entry);
        if (e == ERR_OK)
            e = segment_write(&b, dir, &why);
        memcpy(before, b.head.digest, sizeof before);
    }
    segment_builder_fini(&b);
    if (e != ERR_OK)
        sim_fail("no past: %s", why.text);
}

void drive_begin(uint64_t seed, bool trace, bool may_be_cold)
{
    sim_begin(seed, trace);
    choose_settings(&sim.ledger);
    if (rng_below(&sim.rng, 2) == 0) { /* all noise is older than its period */
        sim.ledger.retain_noise_days = 500;
        sim.store.noise_behind_ms = 501 * (int64_t)RETENTION_DAY_MS;
        begin_in_the_past(500);
    }
    if (may_be_cold)
        drive_cold_begin(seed);
    world_genesis();
    check_begin();
    check_archive_begin();
    agents_begin();
    for (size_t i = 0; i < SIM_NODES; i++)
        node_start(&sim.nodes[i]);
    for (size_t i = 0; i < agents.n; i++)
        if (i < 2 || rng_below(&sim.rng, 3) == 0)
            agent_follow(&agents.items[i], (int)rng_below(&sim.rng, SIM_NODES));
}

bool drive_until(int64_t at_us)
{
    while (sim.n_heap > 0 && sim.heap[0].at_us <= at_us && sim.failed[0] == '\0') {
        (void)sim_step();
        check_journal();
        check_archive();
    }
    if (sim.now_us < at_us)
        sim.now_us = at_us;
    return sim.failed[0] == '\0';
}

static bool at_rest(void)
{
    bool idle = agents.open == 0 && nodes_ready();
    for (size_t i = 0; i < SIM_NODES; i++)
        idle = idle && client_busy(&sim.nodes[i]) == NULL;
    return idle;
}

static void say_who_is_open(void)
{
    for (size_t i = 0; i < agents.n; i++)
        for (const struct request *r = agents.items[i].all; r != NULL; r = r->next)
            if (!r->settled && agents.items[i].fetch != r)
                sim_fail("%s (%s) was never answered", r->id, r->type);
    for (size_t i = 0; i < SIM_NODES; i++)
        if (client_busy(&sim.nodes[i]) != NULL)
            sim_fail("%s does not come to rest: %s", sim.nodes[i].svc->name,
                     client_busy(&sim.nodes[i]));
    sim_fail("the services do not come to rest");
}

/* Whatever has left by then, each receipt is found again under its id. */
static bool recall(void)
{
    agents_recall();
    int64_t end = sim.now_us + RECALL_MAX_US;
    while (agents.recalling > 0 && sim.now_us < end)
        if (!drive_until(sim.now_us + SETTLE_STEP_US))
            return false;
    agents_check_recalled();
    return sim.failed[0] == '\0';
}

bool drive_settle(void)
{
    sim_trace("no more faults");
    sim.faults = (struct faults_plan){.crash = 0};
    sim.pressure = STORE_PRESSURE_NONE;
    sim.store.max_bytes = 0;
    memory_fails_at(0);
    for (size_t i = 0; i < SIM_NODES; i++)
        node_jump(&sim.nodes[i], -sim.nodes[i].clock_ms);
    int64_t end = sim.now_us + SETTLE_MAX_US;
    do {
        if (!drive_until(sim.now_us + SETTLE_STEP_US))
            return false;
    } while (!at_rest() && sim.now_us < end);
    if (!at_rest())
        say_who_is_open();
    uint64_t head;
    if (drive_is_cold() && !recall())
        return false;
    do { /* the ledger tells of what it removes: that is to be acted on and archived, too */
        head = memstore_head(&sim.store);
        if (!drive_until(sim.now_us + IDLE_US))
            return false;
        while (!(check_archive_rests() && check_cold_rests()) && sim.now_us < end)
            if (!drive_until(sim.now_us + SETTLE_STEP_US))
                return false;
    } while (memstore_head(&sim.store) != head && sim.now_us < end);
    check_settled();
    check_archive_settled();
    if (drive_is_cold() && sim.failed[0] == '\0')
        check_cold_settled();
    agents_check_followed();
    return sim.failed[0] == '\0';
}

void drive_end(void)
{
    agents_end();
    check_end();
    sim_end();
}
