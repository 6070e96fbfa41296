/* Random stories: parties of the scheme do what they do in no particular order, rightly and
 * wrongly, while messages are lost, connections break and services die.
 */
#include "replay/drive.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "replay/check.h"
#include "replay/drive_pick.h"

#define START_US (200 * SIM_MS)
#define ACTIONS_MIN 30
#define ACTIONS_MORE 30
#define GAP_MS 400
#define UNDER_WAY_US (15000LL * SIM_MS)
#define UNDER_WAY_COPIES_US (3 * SIM_MS)

struct arena scratch;

/* ---- choosing */

uint64_t below(uint64_t n)
{
    return rng_below(&sim.rng, n);
}

const struct example *any_of(const struct examples *e)
{
    return &e->items[below(e->n)];
}

struct agent *any_agent(Ismap__Liu__V1__Role role)
{
    struct agent *of[WORLD_PARTIES];
    size_t n = 0;
    for (size_t i = 0; i < agents.n; i++)
        if (agents.items[i].party->role == role)
            of[n++] = &agents.items[i];
    return of[below(n)];
}

#define PROVIDER() any_agent(ISMAP__LIU__V1__ROLE__ROLE_PROVIDER)
#define MINISTRY() any_agent(ISMAP__LIU__V1__ROLE__ROLE_MINISTRY)
#define FEED() any_agent(ISMAP__LIU__V1__ROLE__ROLE_FEED)

const void *any_record(enum record_kind kind)
{
    ProtobufCMessage *m = NULL;
    if (sim.store.n_scan[kind] == 0)
        return NULL;
    const struct mem_record *r = sim.store.scan[kind][below(sim.store.n_scan[kind])];
    if (wire_unpack(&scratch, record_type_of(kind)->descriptor, r->value, r->bytes, &m) != ERR_OK)
        return NULL;
    return m;
}

/* Mostly one that the step is meant for, where there is one; now and then any. */
static const void *fit_record(enum record_kind kind, bool (*fits)(const void *record))
{
    size_t n = sim.store.n_scan[kind];
    size_t first = n == 0 ? 0 : below(n);
    bool any = below(8) == 0;
    for (size_t i = 0; i < n && !any; i++) {
        const struct mem_record *r = sim.store.scan[kind][(first + i) % n];
        ProtobufCMessage *m = NULL;
        if (wire_unpack(&scratch, record_type_of(kind)->descriptor, r->value, r->bytes, &m) ==
                ERR_OK &&
            fits(m))
            return m;
    }
    return any_record(kind);
}

static const struct mem_record *stored(enum record_kind kind, const char *id)
{
    return memstore_record(&sim.store, kind, id);
}

static bool waits_for_operator(const void *record)
{
    const Ismap__Liu__V1__Judgment *j = record;
    return j->verdict != NULL && strcmp(j->verdict->waits_for, "operator") == 0;
}

/* Eligible, with a main application still to come as far as can be seen. */
static bool may_apply(const void *record)
{
    const Ismap__Liu__V1__Judgment *j = record;
    return j->verdict != NULL &&
           j->verdict->result == ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE;
}

static bool is_applied(const void *record)
{
    return ((const Ismap__Liu__V1__Listing *)record)->state ==
           ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_APPLIED;
}

static bool is_registered(const void *record)
{
    return ((const Ismap__Liu__V1__Listing *)record)->state ==
           ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED;
}

static bool is_held(const void *record)
{
    const Ismap__Liu__V1__Listing *l = record;
    return is_registered(l) && stored(RECORD_HOLD, l->number) != NULL;
}

static bool is_open(const void *record)
{
    return ((const Ismap__Liu__V1__Incident *)record)->state <
           ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_CONFIRMED;
}

static void *copy_of(const ProtobufCMessage *m)
{
    return sim_need(arena_dup(&scratch, m, m->descriptor->sizeof_message));
}

static char *today(void)
{
    char *text = sim_need(arena_alloc(&scratch, DATE_TEXT_BYTES));
    date_format(date_of_ms(sim_wall_ms()), text);
    return text;
}

/* ---- what parties do */

static void submit(void)
{
    const struct example *e = any_of(&world.cases);
    Ismap__Liu__V1__SubmitPreApplication *m = copy_of(e->message);
    const char *provider = NULL;
    char *asked[4];
    Ismap__Liu__V1__SignedAssessment *attached[4];
    m->attached = attached;
    m->asked_ministries = asked;
    m->n_attached = m->n_asked_ministries = 0;
    for (size_t i = 0; i < world.assessments.n; i++) {
        const Ismap__Liu__V1__Assessment *s = (const void *)world.assessments.items[i].message;
        if (strcmp(world.assessments.items[i].key, e->key) != 0)
            continue;
        provider = s->provider;
        uint64_t dice = below(3);
        if (dice == 0 && m->n_attached < 4)
            attached[m->n_attached++] = world_signed(&scratch, s);
        else if (dice == 1 && m->n_asked_ministries < 4)
            asked[m->n_asked_ministries++] = s->ministry;
    }
    struct agent *a = provider == NULL || below(20) == 0 ? PROVIDER() : agent_of(provider);
    (void)agent_send(a, NODE_INTAKE, &m->base, NULL);
}

static void assess(void)
{
    const Ismap__Liu__V1__Case *c = any_record(RECORD_CASE);
    const struct example *fit[8];
    size_t n = 0;
    for (size_t i = 0; c != NULL && i < world.assessments.n && n < 8; i++) {
        const Ismap__Liu__V1__Assessment *s = (const void *)world.assessments.items[i].message;
        if (c->application != NULL && c->application->service != NULL &&
            strcmp(s->service_name, c->application->service->name) == 0)
            fit[n++] = &world.assessments.items[i];
    }
    if (n == 0)
        return;
    const struct example *e = fit[below(n)];
    Ismap__Liu__V1__SubmitAssessment m = ISMAP__LIU__V1__SUBMIT_ASSESSMENT__INIT;
    m.case_id = c->id;
    m.assessment = (void *)(uintptr_t)e->message;
    struct agent *a = below(20) == 0 ? MINISTRY() : agent_of(e->who);
    (void)agent_send(a, NODE_INTAKE, &m.base, NULL);
}

static void confirm_verdict(void)
{
    const Ismap__Liu__V1__Judgment *j = fit_record(RECORD_JUDGMENT, waits_for_operator);
    Ismap__Liu__V1__ConfirmVerdict m = ISMAP__LIU__V1__CONFIRM_VERDICT__INIT;
    if (j == NULL)
        return;
    m.case_id = j->verdict->case_id;
    m.confirm = below(4) != 0;
    m.reason = TEXT("both sheets hold");
    if (m.confirm && below(3) == 0)
        m.list_addition = (void *)(uintptr_t)any_of(&world.additions)->message;
    (void)agent_send(OPERATOR(), NODE_ELIGIBILITY, &m.base, NULL);
}

static void activate(void)
{
    Ismap__Liu__V1__ActivateRulebook m = ISMAP__LIU__V1__ACTIVATE_RULEBOOK__INIT;
    size_t i = below(WORLD_RULEBOOKS);
    m.canonical =
        (ProtobufCBinaryData){world.canonical_bytes[i], (uint8_t *)(uintptr_t)world.canonical[i]};
    m.reason = TEXT("a drill");
    (void)agent_send(OPERATOR(), NODE_ELIGIBILITY, &m.base, NULL);
}

static void apply(void)
{
    const Ismap__Liu__V1__Judgment *j = fit_record(RECORD_JUDGMENT, may_apply);
    if (j == NULL)
        return;
    Ismap__Liu__V1__SubmitRegistration *m = copy_of(any_of(&world.registrations)->message);
    m->case_id = j->verdict->case_id;
    struct agent *a = below(20) == 0 ? PROVIDER() : agent_of(j->provider);
    (void)agent_send(a, NODE_INTAKE, &m->base, NULL);
}

static void decide(void)
{
    const Ismap__Liu__V1__Listing *l = fit_record(RECORD_LISTING, is_applied);
    Ismap__Liu__V1__DecideRegistration m = ISMAP__LIU__V1__DECIDE_REGISTRATION__INIT;
    if (l == NULL)
        return;
    m.number = l->number;
    m.register_ = below(6) != 0;
    m.committee_date = today();
    m.decision_reference = TEXT("2026-4");
    (void)agent_send(OPERATOR(), NODE_INTAKE, &m.base, NULL);
}

static void declare_use(void)
{
    const Ismap__Liu__V1__Listing *l = fit_record(RECORD_LISTING, is_registered);
    const struct example *e = any_of(&world.uses);
    if (l == NULL)
        return;
    Ismap__Liu__V1__DeclareUse *m = copy_of(e->message);
    m->number = l->number;
    (void)agent_send(agent_of(e->key), NODE_INTAKE, &m->base, NULL);
}

/* ---- feeds: one push of a lane at a time, numbered without gaps */

static void pushed(struct request *r)
{
    struct agent *a = r->agent;
    size_t lane = (uintptr_t)r->done_arg;
    struct arena tmp;
    ProtobufCMessage *m;
    if (r->status == FLOW_STATUS(OUT_OF_RANGE) || r->status == FLOW_STATUS(ALREADY_EXISTS) ||
        r->status == FLOW_STATUS(FAILED_PRECONDITION)) {
        a->lane_epoch[lane]++;
        a->lane_next[lane] = 1;
    }
    if (r->status != FLOW_STATUS(OK))
        return;
    arena_init(&tmp, LIMIT_REPLY_BYTES);
    if (wire_unpack(&tmp, &ismap__liu__v1__alerts_taken__descriptor, r->reply, r->reply_bytes,
                    &m) == ERR_OK) {
        const Ismap__Liu__V1__AlertsTaken *t = (const void *)m;
        if (a->pushed_epoch[lane] == a->lane_epoch[lane] && t->next_seq < a->lane_next[lane])
            sim_fail("%s: numbers run backwards: next %llu", r->id,
                     (unsigned long long)t->next_seq);
        a->lane_epoch[lane] = a->pushed_epoch[lane];
        a->lane_next[lane] = t->next_seq;
    }
    arena_fini(&tmp);
}

/* Now and then about a listing that is there, whatever the example says. */
static void point_at_listing(Ismap__Liu__V1__Alert *alert)
{
    const Ismap__Liu__V1__Listing *l = fit_record(RECORD_LISTING, is_registered);
    if (l == NULL || below(4) == 0)
        return;
    Ismap__Liu__V1__ServiceRef *ref = sim_need(arena_alloc(&scratch, sizeof *ref));
    ismap__liu__v1__service_ref__init(ref);
    ref->number = l->number;
    alert->service = ref;
}

static void push(void)
{
    struct agent *a = FEED();
    bool urgent = below(2) == 0;
    size_t lane = urgent ? 0 : 1;
    Ismap__Liu__V1__PushAlerts m = ISMAP__LIU__V1__PUSH_ALERTS__INIT;
    Ismap__Liu__V1__Alert *alerts[6];
    if (a->pushed[lane] != NULL && !a->pushed[lane]->settled)
        return;
    m.epoch = a->lane_epoch[lane] + (below(40) == 0) - (below(60) == 0);
    a->pushed_epoch[lane] = m.epoch;
    m.lane = urgent ? ISMAP__LIU__V1__LANE__LANE_URGENT : ISMAP__LIU__V1__LANE__LANE_BULK;
    m.first_seq = a->lane_next[lane];
    if (below(12) == 0)
        m.first_seq += below(3);
    else if (below(8) == 0 && m.first_seq > 2)
        m.first_seq -= below(3);
    m.alerts = alerts;
    m.n_alerts = 1 + below(urgent ? 3 : 6);
    for (size_t i = 0; i < m.n_alerts; i++) {
        const Ismap__Liu__V1__PushAlerts *e = (const void *)any_of(&world.alerts)->message;
        alerts[i] = copy_of(&e->alerts[0]->base);
        point_at_listing(alerts[i]);
    }
    const struct agent_how how = {.door = urgent ? "urgent" : "bulk",
                                  .unsigned_ = true,
                                  .done = pushed,
                                  .done_arg = (void *)(uintptr_t)lane};
    a->pushed[lane] = agent_send(a, NODE_MONITOR, &m.base, &how);
}

/* ---- operators and incidents */

static void confirm_incident(void)
{
    const Ismap__Liu__V1__Incident *inc = fit_record(RECORD_INCIDENT, is_open);
    Ismap__Liu__V1__ConfirmIncident m = ISMAP__LIU__V1__CONFIRM_INCIDENT__INIT;
    if (inc == NULL)
        return;
    m.incident_id = inc->id;
    m.reason = TEXT("seen");
    m.severity = (Ismap__Liu__V1__Severity)below(5);
    (void)agent_send(OPERATOR(), NODE_MONITOR, &m.base, NULL);
}

static void lift(void)
{
    const Ismap__Liu__V1__Listing *l = fit_record(RECORD_LISTING, is_held);
    Ismap__Liu__V1__LiftSuspension m = ISMAP__LIU__V1__LIFT_SUSPENSION__INIT;
    if (l == NULL)
        return;
    m.number = l->number;
    m.reason = TEXT("intended");
    m.basis = TEXT("2026-5");
    m.decided_on = today();
    (void)agent_send(OPERATOR(), NODE_MONITOR, &m.base, NULL);
}

static void suspend(void)
{
    const Ismap__Liu__V1__Listing *l = fit_record(RECORD_LISTING, is_registered);
    Ismap__Liu__V1__SuspendService m = ISMAP__LIU__V1__SUSPEND_SERVICE__INIT;
    if (l == NULL)
        return;
    m.number = l->number;
    m.reason = TEXT("ordered");
    m.basis = TEXT("2026-6");
    (void)agent_send(OPERATOR(), NODE_MONITOR, &m.base, NULL);
}

/* ---- parties come, change their keys, and go */

static void change_party(void)
{
    const struct agent *a = &agents.items[below(agents.n)];
    if (a->party->role == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR)
        return;
    if (a->party->feed != NULL) {
        Ismap__Liu__V1__AddFeed m = ISMAP__LIU__V1__ADD_FEED__INIT;
        m.feed = copy_of(&a->party->feed->base);
        m.feed->keys = world_keys(&scratch, a->party, 1 - a->key);
        m.feed->heartbeat_s = (uint32_t)below(4);
        m.replace = below(5) != 0;
        (void)agent_send(OPERATOR(), NODE_MONITOR, &m.base, NULL);
        return;
    }
    Ismap__Liu__V1__AddParty m = ISMAP__LIU__V1__ADD_PARTY__INIT;
    m.party = copy_of(&a->party->record->base);
    m.party->keys = world_keys(&scratch, a->party, 1 - a->key);
    m.replace = below(5) != 0;
    (void)agent_send(OPERATOR(), NODE_INTAKE, &m.base, NULL);
}

static void revoke(void)
{
    const struct agent *a = &agents.items[below(agents.n)];
    if (a->party->role == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR)
        return;
    if (a->party->feed != NULL) {
        Ismap__Liu__V1__RevokeFeed m = ISMAP__LIU__V1__REVOKE_FEED__INIT;
        m.id = TEXT(a->party->id);
        m.reason = TEXT("a drill");
        (void)agent_send(OPERATOR(), NODE_MONITOR, &m.base, NULL);
        return;
    }
    Ismap__Liu__V1__RevokeParty m = ISMAP__LIU__V1__REVOKE_PARTY__INIT;
    m.id = TEXT(a->party->id);
    m.reason = TEXT("a drill");
    (void)agent_send(OPERATOR(), NODE_INTAKE, &m.base, NULL);
}

/* ---- questions, and mistakes of clients */

static void ask(void)
{
    static const struct {
        int node;
        const char *type;
    } asks[] = {
        {NODE_INTAKE, "ListCases"},    {NODE_INTAKE, "ListWaiting"},
        {NODE_INTAKE, "ListRegistry"}, {NODE_INTAKE, "ListParties"},
        {NODE_MONITOR, "ListFeeds"},   {NODE_MONITOR, "ListIncidents"},
        {NODE_AUDIT, "GetHealth"},     {NODE_ELIGIBILITY, "GetTargets"},
    };
    size_t i = below(sizeof asks / sizeof asks[0]);
    char name[64];
    (void)snprintf(name, sizeof name, "ismap.liu.v1.%s", asks[i].type);
    const ProtobufCMessageDescriptor *d = wire_type(name);
    ProtobufCMessage *m = sim_need(arena_alloc(&scratch, d->sizeof_message));
    d->message_init(m);
    (void)agent_send(&agents.items[below(agents.n)], asks[i].node, m, NULL);
}

static void get_one(void)
{
    const Ismap__Liu__V1__Case *c = any_record(RECORD_CASE);
    if (c == NULL)
        return;
    struct agent *a = &agents.items[below(agents.n)];
    Ismap__Liu__V1__GetCase get = ISMAP__LIU__V1__GET_CASE__INIT;
    Ismap__Liu__V1__ReplayVerdict replay = ISMAP__LIU__V1__REPLAY_VERDICT__INIT;
    Ismap__Liu__V1__GetPlan plan = ISMAP__LIU__V1__GET_PLAN__INIT;
    get.case_id = replay.case_id = plan.case_id = c->id;
    uint64_t dice = below(3);
    if (dice == 0)
        (void)agent_send(a, NODE_INTAKE, &get.base, NULL);
    else if (dice == 1)
        (void)agent_send(a, NODE_ELIGIBILITY, &replay.base, NULL);
    else
        (void)agent_send(a, NODE_AUDIT, &plan.base, NULL);
}

static struct request *any_request(void)
{
    const struct agent *a = &agents.items[below(agents.n)];
    struct request *of[256];
    size_t n = 0;
    for (struct request *r = a->all; r != NULL && n < 256; r = r->next)
        if (r->changes)
            of[n++] = r;
    return n == 0 ? NULL : of[below(n)];
}

void drive_repeat(void)
{
    struct request *r = any_request();
    if (r != NULL)
        agent_repeat(r);
}

/* Other content under an id that was used, perhaps long ago. */
void drive_reuse_id(void)
{
    struct request *r = any_request();
    Ismap__Liu__V1__SubmitPreApplication *m = copy_of(any_of(&world.cases)->message);
    if (r == NULL || r->agent->party->role != ISMAP__LIU__V1__ROLE__ROLE_PROVIDER)
        return;
    agent_impostor(r, &m->base);
}

/* All clocks go on, as if nothing had happened for a while: timers fall due, receipts expire. */
static void time_passes(void)
{
    static const int64_t hours[] = {1, 25, 80, 24 * 15, 24 * 100, 24 * 400};
    if (below(2) == 0) {
        (void)drive_until(sim.now_us + UNDER_WAY_US);
    } else { /* the machines sleep in the middle of what is under way, copies included */
        for (uint64_t n = below(6); n > 0; n--)
            drive_repeat();
        (void)drive_until(sim.now_us + (int64_t)below(UNDER_WAY_COPIES_US));
    }
    sim.skipped_ms += hours[below(sizeof hours / sizeof hours[0])] * 3600000;
    sim_trace("time passes: it is %s", today());
}

/* ---- the story */

static const struct {
    void (*act)(void);
    unsigned weight;
} actions[] = {
    {submit, 18},        {assess, 16},      {confirm_verdict, 8},
    {activate, 2},       {apply, 14},       {decide, 14},
    {declare_use, 4},    {push, 22},        {confirm_incident, 5},
    {lift, 5},           {suspend, 4},      {change_party, 3},
    {revoke, 1},         {ask, 4},          {get_one, 4},
    {drive_repeat, 8},   {drive_audit, 12}, {drive_withdraw, 4},
    {drive_reuse_id, 2}, {time_passes, 1},
};

static void in_scratch(void (*what)(void))
{
    arena_init(&scratch, 64u * 1024 * 1024);
    what();
    arena_fini(&scratch);
}

static void act(void)
{
    unsigned all = 0;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        all += actions[i].weight;
    uint64_t dice = below(all);
    size_t i = 0;
    for (; dice >= actions[i].weight; i++)
        dice -= actions[i].weight;
    in_scratch(actions[i].act);
}

static void draw_memory(void)
{
    static const unsigned percents[] = {60, 71, 86, 94, 96, 98, 99, 101};
    drive_memory(below(2) == 0 ? 0 : percents[below(sizeof percents / sizeof percents[0])]);
}

bool drive_seed(uint64_t seed, bool trace)
{
    drive_begin(seed, trace, true);
    (void)drive_until(START_US);
    drive_choose_faults();
    size_t n = ACTIONS_MIN + below(ACTIONS_MORE);
    for (size_t i = 0; i < n && sim.failed[0] == '\0'; i++) {
        if (below(12) == 0)
            draw_memory();
        if (drive_is_cold() && below(4) == 0)
            in_scratch(drive_cold);
        act();
        (void)drive_until(sim.now_us + (int64_t)below(GAP_MS) * SIM_MS);
    }
    bool ok = sim.failed[0] == '\0' && drive_settle();
    return ok;
}
