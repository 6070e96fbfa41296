/* Services as processes: they start on what the store holds, stop in order, or are gone at once. */
#include "replay/files.h"
#include "replay/sim.h"

#include <stdlib.h>
#include <string.h>

#include "services/audit/audit.h"
#include "services/eligibility/eligibility_service.h"
#include "services/intake/intake.h"
#include "services/ledger/ledger.h"
#include "services/monitor/monitor.h"

#define DRAIN_MS 5000
#define RESTART_US (1000 * SIM_MS)

static const uint8_t scheme_seed[32] = {7};

void nodes_begin(void)
{
    static const struct service *const services[SIM_NODES] = {
        &intake_service, &eligibility_service, &audit_service, &monitor_service, &ledger_service};
    for (size_t i = 0; i < SIM_NODES; i++)
        sim.nodes[i] = (struct node){.svc = services[i], .restarts = true};
}

struct node *node_named(const char *service)
{
    for (size_t i = 0; i < SIM_NODES; i++)
        if (strcmp(sim.nodes[i].svc->name, service) == 0)
            return &sim.nodes[i];
    return NULL;
}

static void ledger_settings(struct ledger_settings *s)
{
    static char dir[] = SIM_ARCHIVE, waits_for[] = "eligibility,audit";
    *s = sim.ledger;
    s->archive_dir = dir;
    s->trim_waits_for = waits_for;
    for (int i = 0; i < N_FAMILIES; i++)
        s->budget[i] = budget_family((enum family)i)->percent;
}

void node_start(struct node *n)
{
    static char nothing[] = "", scheme[] = SIM_SCHEME, partition[] = "p0";
    struct err_text why = {""};
    if (n->flow != NULL)
        return;
    n->incarnation++;
    n->starts++;
    struct flow *f = sim_need(calloc(1, sizeof *f));
    f->svc = n->svc;
    f->memory.max_bytes = LIMIT_WORKS_BYTES;
    f->svc_settings = sim_need(calloc(1, n->svc->settings_bytes + 1));
    if (n->svc == &ledger_service)
        ledger_settings(f->svc_settings);
    f->set = (struct flow_settings){.endpoint = nothing,
                                    .second_endpoint = nothing,
                                    .curve_key_file = nothing,
                                    .second_curve_key_file = nothing,
                                    .http_address = nothing,
                                    .redis_address = nothing,
                                    .redis_user = nothing,
                                    .redis_password_file = nothing,
                                    .partition = partition,
                                    .scheme_instance = scheme,
                                    .log_level = nothing,
                                    .drain_ms = DRAIN_MS};
    n->flow = f;
    struct node *before = sim.current;
    sim.current = n;
    sim_trace("starts");
    memory_calm(); /* a process that has no memory to start with is started again */
    if (signing_key_from_seed("scheme-1", scheme_seed, &f->scheme_key) != ERR_OK ||
        flow_start(f, &why) != ERR_OK)
        sim_fail("%s does not start: %s", n->svc->name, why.text);
    memory_uncalm();
    sim.current = before;
}

static void destroy(struct node *n)
{
    struct node *before = sim.current;
    sim.current = n;
    flow_destroy(n->flow);
    free(n->flow->svc_settings);
    free(n->flow);
    n->flow = NULL;
    n->bus = NULL;
    n->incarnation++; /* what was scheduled is void */
    net_node_down(n);
    sim.current = before;
}

void node_crash(struct node *n)
{
    if (n->flow == NULL)
        return;
    struct node *before = sim.current;
    sim.current = n;
    sim_trace("CRASH");
    sim.current = before;
    n->crashing = true;
    destroy(n);
    n->crashing = false;
}

void node_dies(struct node *n)
{
    node_crash(n);
    if (n == &sim.nodes[NODE_LEDGER] && rng_below(&sim.rng, 3) == 0)
        files_power_loss();
    node_restart_after(n, (int64_t)rng_below(&sim.rng, 3000) * SIM_MS);
}

void node_ended(struct node *n)
{
    int status = n->flow->exit_status;
    sim_trace("%s ended, status %d", n->svc->name, status);
    destroy(n);
    if (n->restarts)
        node_restart_after(n, RESTART_US);
}

void node_stop(struct node *n)
{
    if (n->flow == NULL || n->flow->phase == FLOW_STOPPING)
        return;
    struct node *before = sim.current;
    sim.current = n;
    sim_trace("SIGTERM");
    flow_stop(n->flow);
    sim.current = before;
}

void node_jump(struct node *n, int64_t ms)
{
    if (ms == 0)
        return;
    n->clock_ms += ms;
    sim_trace("clock of %s jumps by %lld s, is off by %lld s", n->svc->name, (long long)ms / 1000,
              (long long)n->clock_ms / 1000);
}

static void on_restart(void *arg)
{
    node_start(arg);
}

void node_restart_after(struct node *n, int64_t delay_us)
{
    sim_after(delay_us, on_restart, n);
}

bool nodes_ready(void)
{
    for (size_t i = 0; i < SIM_NODES; i++)
        if (sim.nodes[i].flow == NULL || sim.nodes[i].flow->phase != FLOW_READY ||
            !store_ready(sim.nodes[i].flow->store, NULL))
            return false;
    return true;
}

size_t nodes_works(void)
{
    size_t n = 0;
    for (size_t i = 0; i < SIM_NODES; i++)
        n += sim.nodes[i].flow == NULL ? 1 : sim.nodes[i].flow->works;
    return n;
}

void nodes_end(void)
{
    for (size_t i = 0; i < SIM_NODES; i++)
        node_crash(&sim.nodes[i]);
}
