/* Messages to core types; see map.h. */
#include "services/monitor/map.h"

#include <assert.h>
#include <string.h>

#define SAME(a, b) static_assert((int)(a) == (int)(b), #a)

SAME(SEVERITY_UNSET, ISMAP__LIU__V1__SEVERITY__SEVERITY_UNSPECIFIED);
SAME(SEVERITY_LOW, ISMAP__LIU__V1__SEVERITY__SEVERITY_LOW);
SAME(SEVERITY_MODERATE, ISMAP__LIU__V1__SEVERITY__SEVERITY_MODERATE);
SAME(SEVERITY_HIGH, ISMAP__LIU__V1__SEVERITY__SEVERITY_HIGH);
SAME(SEVERITY_CRITICAL, ISMAP__LIU__V1__SEVERITY__SEVERITY_CRITICAL);
SAME(EFFECT_UNSTATED, ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_UNSPECIFIED);
SAME(EFFECT_NONE, ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_NONE);
SAME(EFFECT_LIMITED, ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_LIMITED);
SAME(EFFECT_SERIOUS, ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_SERIOUS);
SAME(EFFECT_GRAVE, ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_GRAVE);
SAME(INCIDENT_NONE, ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_UNSPECIFIED);
SAME(INCIDENT_REPORTED, ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_REPORTED);
SAME(INCIDENT_HELD, ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_HELD);
SAME(INCIDENT_SUSPENDED, ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_SUSPENDED);
SAME(INCIDENT_CONFIRMED, ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_CONFIRMED);
SAME(INCIDENT_LIFTED, ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_LIFTED);
SAME(INCIDENT_CLOSED, ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_CLOSED);
SAME(HOLD_UNSET, ISMAP__LIU__V1__HOLD_STATE__HOLD_STATE_UNSPECIFIED);
SAME(HOLD_NONE, ISMAP__LIU__V1__HOLD_STATE__HOLD_STATE_NONE);
SAME(HOLD_SUSPENDED, ISMAP__LIU__V1__HOLD_STATE__HOLD_STATE_SUSPENDED);
SAME(HOLD_RE_AUDIT, ISMAP__LIU__V1__HOLD_STATE__HOLD_STATE_RE_AUDIT);
SAME(LISTING_NONE, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_UNSPECIFIED);
SAME(LISTING_APPLIED, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_APPLIED);
SAME(LISTING_REGISTERED, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED);
SAME(LISTING_REJECTED, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REJECTED);
SAME(LISTING_RENEWAL_PENDING, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_RENEWAL_PENDING);
SAME(LISTING_EXPIRED, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_EXPIRED);
SAME(LISTING_CANCELLED, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_CANCELLED);
SAME(LISTING_WITHDRAWN, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_WITHDRAWN);

static enum severity severity_of(uint32_t n)
{
    return n > SEVERITY_CRITICAL ? SEVERITY_CRITICAL : (enum severity)n;
}

bool map_incident_rules(struct arena *a, const pb_rulebook *rb, struct rules *out)
{
    const Ismap__Liu__V1__IncidentRules *in = rb->incident;
    struct grade_row *rows = arena_alloc(a, (in->n_grades + 1) * sizeof *rows);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < in->n_grades; i++) {
        const Ismap__Liu__V1__GradeRow *g = in->grades[i];
        rows[i] = (struct grade_row){.severity = severity_of(g->severity),
                                     .min_confidentiality = g->min_confidentiality,
                                     .min_integrity = g->min_integrity,
                                     .min_availability = g->min_availability,
                                     .min_data_class = g->min_data_class,
                                     .min_agencies = g->min_agencies,
                                     .base_involved = g->base_involved,
                                     .any_effect = g->any_effect};
    }
    enum severity top = in->top_grade == 0 ? SEVERITY_CRITICAL : severity_of(in->top_grade);
    *out = (struct rules){
        .grade = {.rows = rows,
                  .n_rows = in->n_grades,
                  .ungraded = strcmp(in->ungraded_policy, "WORST") == 0 ? UNGRADED_WORST
                                                                        : UNGRADED_PERSON_URGENT,
                  .top = top},
        .decide = {.top = top,
                   .incident_from = top < SEVERITY_HIGH ? top : SEVERITY_HIGH,
                   .corroborating_operators = in->corroborating_operators,
                   .corroboration_window_ms = (int64_t)in->corroboration_window_s * 1000,
                   .brake_suspensions = in->brake_suspensions,
                   .brake_window_ms = (int64_t)in->brake_window_s * 1000},
        .brake_clock_ms = (int64_t)in->brake_clock_s * 1000,
        .prelim_ms = (int64_t)in->prelim_hours * 3600 * 1000,
        .final_ms = (int64_t)in->final_days * 24 * 3600 * 1000,
        .lift_authority = in->lift_authority,
    };
    return true;
}

static struct cia cia_of(const Ismap__Liu__V1__CiaEffect *e)
{
    if (e == NULL)
        return (struct cia){0};
    return (struct cia){(enum effect)e->confidentiality, (enum effect)e->integrity,
                        (enum effect)e->availability};
}

struct grade_input map_alert(const pb_alert *alert)
{
    return (struct grade_input){.actual = cia_of(alert->actual),
                                .potential = cia_of(alert->potential),
                                .data_class = alert->data_class,
                                .agencies = alert->agencies,
                                .base_involved = alert->base_involved};
}

struct match_ref map_ref(const pb_alert *alert)
{
    const Ismap__Liu__V1__ServiceRef *s = alert->service;
    if (s == NULL)
        return (struct match_ref){0};
    return (struct match_ref){s->number, s->domain, s->address, s->product_id, s->alias};
}

struct decide_feed map_feed(const pb_feed *feed)
{
    return (struct decide_feed){.operator_body = feed->operator_body,
                                .speaks_for = (const char *const *)feed->speaks_for,
                                .n_speaks_for = feed->n_speaks_for,
                                .acts_alone_up_to = (enum severity)feed->acts_alone_up_to};
}

struct lane_state map_lane(const pb_lane *lane)
{
    struct lane_state s = {0};
    if (lane == NULL)
        return s;
    s.epoch = lane->epoch;
    s.next_seq = lane->next_seq;
    size_t first = lane->n_recent > LANE_RECENT_MAX ? lane->n_recent - LANE_RECENT_MAX : 0;
    for (size_t i = first; i < lane->n_recent; i++)
        s.recent[s.n_recent++] = (struct lane_batch){.first_seq = lane->recent[i]->first_seq,
                                                     .digests = lane->recent[i]->digests.data,
                                                     .n_bytes = lane->recent[i]->digests.len};
    return s;
}

struct brake map_brake(const pb_brake *brake)
{
    if (brake == NULL)
        return (struct brake){0};
    return (struct brake){brake->window_start_ms, brake->suspensions, brake->held};
}

struct match_listing map_listing(const pb_listing *listing)
{
    struct match_listing l = {.number = listing->number};
    const Ismap__Liu__V1__ServiceIdentity *id =
        listing->application == NULL ? NULL : listing->application->identity;
    if (id == NULL)
        return l;
    l.domains = (const char *const *)id->domains;
    l.n_domains = id->n_domains;
    l.ranges = (const char *const *)id->address_ranges;
    l.n_ranges = id->n_address_ranges;
    l.product_ids = (const char *const *)id->product_ids;
    l.n_product_ids = id->n_product_ids;
    l.aliases = (const char *const *)id->aliases;
    l.n_aliases = id->n_aliases;
    return l;
}

bool map_registered(const pb_listing *listing)
{
    return listing != NULL && ((enum listing_state)listing->state == LISTING_REGISTERED ||
                               (enum listing_state)listing->state == LISTING_RENEWAL_PENDING);
}

bool map_suspended(const pb_hold *hold)
{
    return hold != NULL && (enum hold_state)hold->state == HOLD_SUSPENDED;
}
