/* See world.h. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"

/* In place of lib/base/clock.c. */
int64_t fake_mono_ms = 1000000;

int64_t clock_wall_ms(void)
{
    return 1800000000000;
}

int64_t clock_mono_ms(void)
{
    return fake_mono_ms;
}

int64_t clock_mono_us(void)
{
    return fake_mono_ms * 1000;
}

static void grade_row(Ismap__Liu__V1__GradeRow *row, uint32_t severity, uint32_t least)
{
    ismap__liu__v1__grade_row__init(row);
    row->severity = severity;
    row->min_confidentiality = row->min_integrity = row->min_availability = least;
    row->any_effect = true;
}

void world_rules(struct world *wd, uint32_t brake, const char *ungraded_policy)
{
    Ismap__Liu__V1__GradeRow rows[3];
    Ismap__Liu__V1__GradeRow *grades[] = {&rows[0], &rows[1], &rows[2]};
    Ismap__Liu__V1__IncidentRules in = ISMAP__LIU__V1__INCIDENT_RULES__INIT;
    pb_rulebook rb = ISMAP__LIU__V1__RULEBOOK__INIT;
    grade_row(&rows[0], 4, 4);
    grade_row(&rows[1], 3, 3);
    grade_row(&rows[2], 2, 2);
    in.grades = grades;
    in.n_grades = 3;
    in.ungraded_policy = TEXT(ungraded_policy);
    in.corroborating_operators = 2;
    in.corroboration_window_s = 3600;
    in.brake_suspensions = brake;
    in.brake_window_s = 3600;
    in.brake_clock_s = 600;
    in.prelim_hours = 24;
    in.final_days = 30;
    in.top_grade = 4;
    rb.incident = &in;
    fake_rules(&wd->w, &rb);
}

static void world_feed(struct world *wd, const char *id, const char *body, const char *speaks_for,
                       Ismap__Liu__V1__Severity alone)
{
    pb_feed f = ISMAP__LIU__V1__FEED__INIT;
    char *list[] = {TEXT(speaks_for)};
    f.id = TEXT(id);
    f.operator_body = TEXT(body);
    f.speaks_for = list;
    f.n_speaks_for = 1;
    f.acts_alone_up_to = alone;
    f.heartbeat_s = 60;
    fake_store(&wd->w, RECORD_FEED, id, &f.base);
}

void world_listing(struct world *wd, const char *number, const char *domain, const char *provider,
                   Ismap__Liu__V1__ListingState state)
{
    pb_listing l = ISMAP__LIU__V1__LISTING__INIT;
    Ismap__Liu__V1__SubmitRegistration app = ISMAP__LIU__V1__SUBMIT_REGISTRATION__INIT;
    Ismap__Liu__V1__ServiceIdentity id = ISMAP__LIU__V1__SERVICE_IDENTITY__INIT;
    char *domains[] = {TEXT(domain)};
    char *ministries[] = {TEXT("mof")};
    id.domains = domains;
    id.n_domains = 1;
    app.identity = &id;
    l.number = TEXT(number);
    l.provider = TEXT(provider);
    l.service_name = TEXT("サービス");
    l.state = state;
    l.application = &app;
    l.ministries = ministries;
    l.n_ministries = 1;
    (wd->late ? fake_store_late : fake_store)(&wd->w, RECORD_LISTING, number, &l.base);
}

int world_setup(void **state)
{
    static const uint8_t seed[32] = {7};
    struct world *wd = calloc(1, sizeof *wd);
    assert_non_null(wd);
    fake_init(&wd->w, "monitor", 1800000000000);
    void *mon = NULL;
    assert_int_equal(monitor_create(NULL, &mon, NULL), ERR_OK);
    wd->mon = mon;
    wd->w.views = monitor_service.views;
    wd->w.n_views = monitor_service.n_views;
    wd->w.view_state = mon;
    assert_int_equal(signing_key_from_seed("scheme-1", seed, &wd->key), ERR_OK);
    wd->w.key = wd->key;
    world_rules(wd, 20, "PERSON_URGENT");
    world_feed(wd, "strong", "jpcert", "*", ISMAP__LIU__V1__SEVERITY__SEVERITY_CRITICAL);
    world_feed(wd, "weak", "vendor", "*", ISMAP__LIU__V1__SEVERITY__SEVERITY_HIGH);
    world_feed(wd, "other", "agency", "*", ISMAP__LIU__V1__SEVERITY__SEVERITY_HIGH);
    world_feed(wd, "narrow", "city", "LIU-2", ISMAP__LIU__V1__SEVERITY__SEVERITY_CRITICAL);
    for (unsigned i = 1; i <= 40; i++) {
        char number[16], domain[24], provider[16];
        (void)snprintf(number, sizeof number, "LIU-%u", i);
        (void)snprintf(domain, sizeof domain, "s%u.example", i);
        (void)snprintf(provider, sizeof provider, "csp-%u", i);
        world_listing(wd, number, domain, provider,
                      ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED);
    }
    world_listing(wd, "LIU-90", "applied.example", "csp-90",
                  ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_APPLIED);
    pb_users u = ISMAP__LIU__V1__SERVICE_USERS__INIT;
    char *ministries[] = {TEXT("meti"), TEXT("mof")};
    u.number = TEXT("LIU-1");
    u.ministries = ministries;
    u.n_ministries = 2;
    fake_store(&wd->w, RECORD_USERS, "LIU-1", &u.base);
    *state = wd;
    return 0;
}

int world_teardown(void **state)
{
    struct world *wd = *state;
    fake_fini(&wd->w);
    monitor_destroy(wd->mon);
    signing_key_free(wd->key);
    free(wd);
    return 0;
}

Ismap__Liu__V1__Status world_send(struct world *wd, const char *actor, Ismap__Liu__V1__Role role,
                                  const char *door, work_fn *fn, const ProtobufCMessage *m)
{
    wd->w.door = door;
    return fake_send(&wd->w, actor, role, fn, wd->mon, m);
}

void said_begin(struct said *s, Ismap__Liu__V1__Lane lane, uint64_t first_seq)
{
    ismap__liu__v1__push_alerts__init(&s->push);
    s->push.epoch = 1;
    s->push.lane = lane;
    s->push.first_seq = first_seq;
    s->push.alerts = s->list;
}

void say(struct said *s, Ismap__Liu__V1__EffectLevel effect, const char *domain)
{
    size_t i = s->push.n_alerts++;
    assert_true(i < PUSH_MAX);
    ismap__liu__v1__alert__init(&s->alerts[i]);
    ismap__liu__v1__service_ref__init(&s->refs[i]);
    ismap__liu__v1__cia_effect__init(&s->effects[i]);
    (void)snprintf(s->ids[i], sizeof s->ids[i], "a%zu", i);
    s->alerts[i].alert_id = s->ids[i];
    s->alerts[i].observed_at_ms = 1799999999000;
    s->refs[i].domain = TEXT(domain);
    s->effects[i].availability = effect;
    s->alerts[i].service = &s->refs[i];
    if (effect != UNSTATED)
        s->alerts[i].potential = &s->effects[i];
    s->list[i] = &s->alerts[i];
}

Ismap__Liu__V1__Status push(struct world *wd, const char *feed, struct said *s)
{
    const char *door = s->push.lane == URGENT ? "urgent" : "bulk";
    return world_send(wd, feed, FEED, door, push_alerts, &s->push.base);
}

Ismap__Liu__V1__Status push_one(struct world *wd, const char *feed,
                                Ismap__Liu__V1__EffectLevel effect, const char *domain)
{
    static struct said s;
    char id[64];
    (void)snprintf(id, sizeof id, "%s/urgent", feed);
    const pb_lane *lane = fake_load(&wd->w, RECORD_LANE, id);
    said_begin(&s, URGENT, lane == NULL ? 1 : lane->next_seq);
    say(&s, effect, domain);
    return push(wd, feed, &s);
}

const Ismap__Liu__V1__AlertsTaken *taken(const struct world *wd)
{
    assert_non_null(wd->w.reply);
    assert_ptr_equal(wd->w.reply->descriptor, &ismap__liu__v1__alerts_taken__descriptor);
    return (const void *)wd->w.reply;
}

int verdict(const struct world *wd, size_t n)
{
    const Ismap__Liu__V1__AlertsTaken *t = taken(wd);
    return n < t->n_outcomes ? (int)t->outcomes[n]->verdict : 0;
}

const pb_incident *incident_of(struct world *wd, size_t outcome)
{
    const Ismap__Liu__V1__AlertsTaken *t = taken(wd);
    assert_true(outcome < t->n_outcomes);
    const pb_incident *inc = fake_load(&wd->w, RECORD_INCIDENT, t->outcomes[outcome]->incident_id);
    assert_non_null(inc);
    return inc;
}

bool suspended(struct world *wd, const char *number)
{
    const pb_hold *h = fake_load(&wd->w, RECORD_HOLD, number);
    return h != NULL && h->state == ISMAP__LIU__V1__HOLD_STATE__HOLD_STATE_SUSPENDED;
}
