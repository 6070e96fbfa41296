/* Field by field between messages and cores; no rule lives here. */
#include "services/intake/map.h"

#include "base/date.h"
#include "services/intake/core/listing_fsm.h"

#define PB(type, name) ((int)ISMAP__LIU__V1__##type##__##type##_##name)
#define SAME(mine, type, name)                                                                     \
    _Static_assert((int)(mine) == PB(type, name), "number of " #type "_" #name)

SAME(CASE_SUBMITTED, CASE_STATE, SUBMITTED);
SAME(CASE_ACCEPTED, CASE_STATE, ACCEPTED);
SAME(CASE_WITHDRAWN, CASE_STATE, WITHDRAWN);
SAME(LISTING_APPLIED, LISTING_STATE, APPLIED);
SAME(LISTING_REGISTERED, LISTING_STATE, REGISTERED);
SAME(LISTING_REJECTED, LISTING_STATE, REJECTED);
SAME(LISTING_RENEWAL_PENDING, LISTING_STATE, RENEWAL_PENDING);
SAME(LISTING_EXPIRED, LISTING_STATE, EXPIRED);
SAME(LISTING_CANCELLED, LISTING_STATE, CANCELLED);
SAME(LISTING_WITHDRAWN, LISTING_STATE, WITHDRAWN);
SAME(HOLD_NONE, HOLD_STATE, NONE);
SAME(HOLD_SUSPENDED, HOLD_STATE, SUSPENDED);
SAME(HOLD_RE_AUDIT, HOLD_STATE, RE_AUDIT);
SAME(EFFECTIVE_NOT_LISTED, EFFECTIVE_STATE, NOT_LISTED);
SAME(EFFECTIVE_REGISTERED, EFFECTIVE_STATE, REGISTERED);
SAME(EFFECTIVE_RENEWAL_PENDING, EFFECTIVE_STATE, RENEWAL_PENDING);
SAME(EFFECTIVE_SUSPENDED, EFFECTIVE_STATE, SUSPENDED);
SAME(EFFECTIVE_EXPIRED, EFFECTIVE_STATE, EXPIRED);
SAME(EFFECTIVE_CANCELLED, EFFECTIVE_STATE, CANCELLED);
SAME(LEVEL_LOW, IMPACT_LEVEL, LOW);
SAME(LEVEL_MODERATE, IMPACT_LEVEL, MODERATE);
SAME(LEVEL_HIGH, IMPACT_LEVEL, HIGH);
SAME(REGISTRY_ISMAP, REGISTRY_LIST, ISMAP);
SAME(REGISTRY_ISMAP_LIU, REGISTRY_LIST, ISMAP_LIU);
SAME(JUDGMENT_WAITING_MINISTRY, JUDGMENT_STATE, WAITING_MINISTRY);
SAME(JUDGMENT_WAITING_CONFIRMATION, JUDGMENT_STATE, WAITING_CONFIRMATION);
SAME(JUDGMENT_WAITING_APPLICANT, JUDGMENT_STATE, WAITING_APPLICANT);
SAME(JUDGMENT_DECIDED, JUDGMENT_STATE, DECIDED);
SAME(JUDGMENT_WAITING_REVIEW, JUDGMENT_STATE, WAITING_REVIEW);
SAME(VERDICT_ELIGIBLE, VERDICT_RESULT, ELIGIBLE);
SAME(VERDICT_NOT_ELIGIBLE, VERDICT_RESULT, NOT_ELIGIBLE);
SAME(VERDICT_NOT_NEEDED, VERDICT_RESULT, NOT_NEEDED);

int32_t map_day(const char *date, int32_t otherwise)
{
    int32_t days;
    return date_parse(date, &days) == ERR_OK ? days : otherwise;
}

const struct sheet_facts *map_sheet(struct arena *a, const pb_assessment *m)
{
    struct sheet_facts *sheet = arena_alloc(a, sizeof *sheet);
    if (sheet == NULL || m == NULL)
        return sheet;
    struct item_facts *items = arena_alloc(a, m->n_items * sizeof *items);
    if (items == NULL)
        return NULL;
    for (size_t i = 0; i < m->n_items; i++) {
        const Ismap__Liu__V1__InformationItem *it = m->items[i];
        items[i] = (struct item_facts){
            .description = it->description,
            .classes = {it->confidentiality_class, it->integrity_class, it->availability_class},
            .levels = {(int)it->confidentiality, (int)it->integrity, (int)it->availability},
            .reason = it->reason,
        };
    }
    *sheet = (struct sheet_facts){
        .ministry = m->ministry,
        .business = m->business == NULL ? "" : m->business->description,
        .assessor = m->assessor,
        .approver = m->approver,
        .assessed_on = m->assessed_on,
        .items = items,
        .n_items = m->n_items,
    };
    return sheet;
}

bool map_waiting(struct arena *a, const pb_case *c, const pb_judgment *j, struct waiting_facts *out)
{
    const Ismap__Liu__V1__Verdict *v = j == NULL ? NULL : j->verdict;
    const char **assessed_by = arena_alloc(a, c->n_assessments * sizeof *assessed_by);
    if (assessed_by == NULL)
        return false;
    for (size_t i = 0; i < c->n_assessments; i++)
        assessed_by[i] =
            c->assessments[i]->assessment == NULL ? "" : c->assessments[i]->assessment->ministry;
    *out = (struct waiting_facts){
        .state = (enum case_state)c->state,
        .provider = c->provider,
        .asked = c->application == NULL ? NULL : c->application->asked_ministries,
        .n_asked = c->application == NULL ? 0 : c->application->n_asked_ministries,
        .assessed_by = assessed_by,
        .n_assessed = c->n_assessments,
        .submitted_at_ms = c->submitted_at_ms,
        .accepted_at_ms = c->accepted_at_ms,
        .judgment = v == NULL ? JUDGMENT_NONE : (enum judgment_state)v->state,
        .judgment_waits_for = v == NULL ? "" : v->waits_for,
        .judged_at_ms = v == NULL ? 0 : v->decided_at_ms,
        .evidence_version = c->evidence_version,
        .judged_evidence_version = v == NULL ? 0 : v->evidence_version,
    };
    return true;
}

static struct document_facts document(const pb_document *d)
{
    if (d == NULL)
        return (struct document_facts){0};
    return (struct document_facts){true, d->reference, d->sha256.len};
}

static size_t unnumbered(const pb_case *c)
{
    size_t n = 0;
    if (c->application == NULL || c->application->service == NULL)
        return 0;
    const Ismap__Liu__V1__ServiceDescription *s = c->application->service;
    for (size_t i = 0; i < s->n_base_services; i++)
        if (s->base_services[i]->registration_number[0] == '\0')
            n++;
    return n;
}

void map_requirements(const pb_registration *m, const pb_case *c, const pb_judgment *j,
                      const pb_party *issuer, int32_t today, struct requirement_facts *out)
{
    const Ismap__Liu__V1__Verdict *v = j == NULL ? NULL : j->verdict;
    *out = (struct requirement_facts){
        .today = today,
        .verdict_decided = v != NULL && (int)v->state == (int)JUDGMENT_DECIDED,
        .verdict = v == NULL ? VERDICT_NONE : (enum verdict_result)v->result,
        .verdict_valid_until = v == NULL ? 0 : map_day(v->valid_until, REQUIREMENTS_NO_DAY),
        .statement = document(m->statement),
        .audit_report = document(m->audit_report),
        .management_confirmation = document(m->management_confirmation),
        .internal_audit_report = document(m->internal_audit_report),
        .issuer_named = m->audit_report != NULL && m->audit_report->issuer[0] != '\0',
        .issuer_registered = issuer != NULL && !issuer->revoked &&
                             issuer->role == ISMAP__LIU__V1__ROLE__ROLE_AUDIT_BODY,
        .issuer_valid_until =
            issuer == NULL ? 0 : map_day(issuer->valid_until, REQUIREMENTS_NO_DAY),
        .base_services_unnumbered = unnumbered(c),
    };
    out->period_given = date_parse(m->audit_period_start, &out->period_start) == ERR_OK &&
                        date_parse(m->audit_period_end, &out->period_end) == ERR_OK;
}

enum effective_state map_effective(const pb_listing *l, const pb_hold *h, int32_t today)
{
    return effective_state_of((enum listing_state)l->state,
                              h == NULL ? HOLD_UNSET : (enum hold_state)h->state,
                              map_day(l->valid_until, EFFECTIVE_NO_DAY), today);
}

pb_entry *map_entry(struct arena *a, const pb_listing *l, const pb_hold *h, enum effective_state s)
{
    pb_entry *e = arena_alloc(a, sizeof *e);
    if (e == NULL)
        return NULL;
    ismap__liu__v1__registry_entry__init(e);
    e->number = l->number;
    e->service_name = l->service_name;
    e->provider = l->provider;
    e->state = (Ismap__Liu__V1__EffectiveState)s;
    e->valid_until = l->valid_until;
    e->business = l->matched_code[0] != '\0' ? l->matched_code : l->business;
    if (l->application != NULL) {
        e->scope = l->application->scope;
        e->n_regions = l->application->n_regions;
        e->regions = l->application->regions;
        e->audit_period_start = l->application->audit_period_start;
        e->audit_period_end = l->application->audit_period_end;
    }
    if (s == EFFECTIVE_CANCELLED && l->cancellation != NULL && l->cancellation->order != NULL) {
        e->cancelled_on = l->cancellation->order->committee_date;
        e->cancellation_ground = l->cancellation->order->ground;
    }
    if (s == EFFECTIVE_SUSPENDED && h != NULL)
        e->suspended_since_ms = h->since_ms;
    return e;
}
