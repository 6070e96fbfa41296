/* Who may be told what: of each event as it is journaled, and of each that an agent is told. */
#include "replay/check_private.h"

#include <inttypes.h>
#include <string.h>

struct allowed {
    const char *ids[64];
    size_t n;
};

static void allow(struct allowed *a, const char *id)
{
    if (id != NULL && a->n < sizeof a->ids / sizeof a->ids[0])
        a->ids[a->n++] = id;
}

static void allow_case(struct allowed *a, const char *case_id)
{
    const Ismap__Liu__V1__Case *c = check_record(check_scratch(), RECORD_CASE, case_id);
    if (c == NULL)
        return;
    allow(a, c->provider);
    for (size_t i = 0; i < c->n_assessments; i++)
        allow(a, c->assessments[i]->assessment->ministry);
    for (size_t i = 0; c->application != NULL && i < c->application->n_asked_ministries; i++)
        allow(a, c->application->asked_ministries[i]);
}

static const Ismap__Liu__V1__Listing *listing(const char *number)
{
    return check_record(check_scratch(), RECORD_LISTING, number);
}

static void allow_suspension(struct allowed *a, const char *number)
{
    const Ismap__Liu__V1__Listing *l = listing(number);
    const Ismap__Liu__V1__ServiceUsers *u = check_record(check_scratch(), RECORD_USERS, number);
    allow(a, "public");
    for (size_t i = 0; l != NULL && i < l->n_ministries; i++)
        allow(a, l->ministries[i]);
    for (size_t i = 0; u != NULL && i < u->n_ministries; i++)
        allow(a, u->ministries[i]);
    allow(a, l == NULL ? NULL : l->provider);
}

/* An event's payload as its message. */
#define AS(type) ((const Ismap__Liu__V1__##type *)payload)

/* False: no rule is known for this event. */
static bool allowed_of(const char *type, const void *payload, const char *actor, struct allowed *a)
{
    if (strcmp(type, "CaseSubmitted") == 0) {
        allow_case(a, AS(CaseSubmitted)->case_id);
    } else if (strcmp(type, "AssessmentRecorded") == 0) {
        allow_case(a, AS(AssessmentRecorded)->case_id);
    } else if (strcmp(type, "VerdictChanged") == 0) {
        allow_case(a, AS(VerdictChanged)->case_id);
    } else if (strcmp(type, "PlanMade") == 0) {
        allow(a, AS(PlanMade)->provider);
    } else if (strcmp(type, "PlanRevised") == 0) {
        allow(a, AS(PlanRevised)->provider);
    } else if (strcmp(type, "RegistrationApplied") == 0) {
        allow(a, AS(RegistrationApplied)->provider);
    } else if (strcmp(type, "CaseWithdrawn") == 0) {
        allow_case(a, AS(CaseWithdrawn)->case_id);
    } else if (strcmp(type, "RegistrationWithdrawn") == 0) {
        allow(a, AS(RegistrationWithdrawn)->provider);
    } else if (strcmp(type, "RegistrationCancelled") == 0) {
        allow(a, "public");
        allow(a, AS(RegistrationCancelled)->provider);
    } else if (strcmp(type, "RegistrationDecided") == 0) {
        allow(a, "public");
        allow(a, AS(RegistrationDecided)->provider);
    } else if (strcmp(type, "TargetListChanged") == 0 || strcmp(type, "RulebookActivated") == 0) {
        allow(a, "public");
    } else if (strcmp(type, "UseRecorded") == 0) {
        const Ismap__Liu__V1__Listing *l = listing(AS(UseRecorded)->number);
        allow(a, AS(UseRecorded)->ministry);
        allow(a, l == NULL ? NULL : l->provider);
    } else if (strcmp(type, "SuspensionImposed") == 0) {
        allow_suspension(a, AS(SuspensionImposed)->number);
    } else if (strcmp(type, "SuspensionLifted") == 0) {
        allow_suspension(a, AS(SuspensionLifted)->number);
    } else if (strcmp(type, "ChangeNoticeRecorded") == 0) {
        allow(a, AS(ChangeNoticeRecorded)->provider);
    } else if (strcmp(type, "ScopeChanged") == 0) {
        allow(a, AS(ScopeChanged)->provider);
    } else if (strcmp(type, "AffectedControlsNamed") == 0) {
        allow(a, AS(AffectedControlsNamed)->provider);
    } else if (strcmp(type, "AuditReportRecorded") == 0) {
        allow(a, AS(AuditReportRecorded)->provider);
        allow(a, actor);
    } else if (strcmp(type, "InternalReportReminded") == 0) {
        allow(a, AS(InternalReportReminded)->provider);
    } else if (strcmp(type, "AuditProblemFound") == 0) {
        allow(a, AS(AuditProblemFound)->provider);
    } else if (strcmp(type, "AuditProblemResolved") == 0) {
        allow(a, AS(AuditProblemResolved)->provider);
    } else if (strcmp(type, "IdReused") == 0) {
        allow(a, AS(IdReused)->party);
    } else if (strcmp(type, "IncidentOpened") == 0) {
        const Ismap__Liu__V1__Listing *l = listing(AS(IncidentOpened)->number);
        allow(a, l == NULL ? NULL : l->provider);
    } else {
        return strcmp(type, "AlarmRang") == 0 || strcmp(type, "PartyChanged") == 0 ||
               strcmp(type, "EventQuarantined") == 0 || strcmp(type, "EventRequeued") == 0 ||
               strcmp(type, "EventDiscarded") == 0 || strcmp(type, "SegmentsExpired") == 0 ||
               strcmp(type, "StoreInitialised") == 0 || strcmp(type, "StoreConfirmed") == 0 ||
               strcmp(type, "StoreRecovered") == 0;
    }
    return true;
}
#undef AS

void check_audience(uint64_t seq, const pb_entry *e)
{
    struct allowed a = {.n = 0};
    const ProtobufCMessageDescriptor *d = wire_type(e->type);
    ProtobufCMessage *payload = NULL;
    if (e->type[0] == '\0') {
        if (e->n_audience > 0)
            sim_fail("entry %" PRIu64 " tells nothing to somebody", seq);
        return;
    }
    if (d == NULL ||
        wire_unpack(check_scratch(), d, e->payload.data, e->payload.len, &payload) != ERR_OK ||
        !allowed_of(flow_short_type(e->type), payload, e->actor, &a)) {
        sim_fail("entry %" PRIu64 ": no rule tells who may see %s", seq, e->type);
        return;
    }
    for (size_t i = 0; i < e->n_audience; i++) {
        bool ok = false;
        for (size_t k = 0; !ok && k < a.n; k++)
            ok = strcmp(a.ids[k], e->audience[i]) == 0;
        if (!ok)
            sim_fail("entry %" PRIu64 ": %s is told to %s", seq, e->type, e->audience[i]);
    }
    if (strcmp(e->type, "ismap.liu.v1.EventQuarantined") == 0)
        sim_fail("entry %" PRIu64 ": an event was quarantined: %s", seq,
                 ((const Ismap__Liu__V1__EventQuarantined *)(const void *)payload)->reason);
}

/* ---- what agents are told */

static bool is_for(const struct agent *a, const pb_entry *e)
{
    if (e->type[0] == '\0')
        return false;
    if (a->party->role == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR)
        return true;
    for (size_t i = 0; i < e->n_audience; i++)
        if (strcmp(e->audience[i], "public") == 0 ||
            (a->party->feed == NULL && strcmp(e->audience[i], a->party->id) == 0))
            return true;
    return false;
}

/* Which feed it goes back to is for operators only. */
static bool told_of_feed(const struct agent *a, const Ismap__Liu__V1__Event *ev)
{
    ProtobufCMessage *m = NULL;
    if (a->party->role == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR)
        return false;
    if (strncmp(ev->actor, "feed/", 5) == 0)
        return true;
    if (strcmp(ev->type, "ismap.liu.v1.SuspensionImposed") != 0)
        return false;
    arena_reset(check_scratch());
    if (wire_unpack(check_scratch(), &ismap__liu__v1__suspension_imposed__descriptor,
                    ev->payload.data, ev->payload.len, &m) != ERR_OK)
        return true;
    const struct party *p =
        world_party(((const Ismap__Liu__V1__SuspensionImposed *)(const void *)m)->cause);
    return p != NULL && p->feed != NULL;
}

static bool same_payload(const pb_entry *e, const Ismap__Liu__V1__Event *ev)
{
    return strcmp(e->type, "ismap.liu.v1.SuspensionImposed") == 0 ||
           (e->payload.len == ev->payload.len &&
            (e->payload.len == 0 ||
             memcmp(e->payload.data, ev->payload.data, e->payload.len) == 0));
}

void check_told(const struct agent *a, const Ismap__Liu__V1__Event *ev)
{
    const pb_entry *e = check_entry(ev->seq);
    if (told_of_feed(a, ev))
        sim_fail("%s is told which feed event %" PRIu64 " goes back to", a->party->id, ev->seq);
    if (e == NULL || strcmp(e->type, ev->type) != 0 || !same_payload(e, ev))
        sim_fail("%s is told of event %" PRIu64 " (%s), which is not in the journal", a->party->id,
                 ev->seq, ev->type);
    else if (!is_for(a, e))
        sim_fail("%s is told of event %" PRIu64 " (%s), which is not for it", a->party->id, ev->seq,
                 ev->type);
}

void check_followed(const struct agent *a)
{
    size_t at = 0;
    for (uint64_t seq = 1; seq <= memstore_head(&sim.store); seq++) {
        const pb_entry *e = check_entry(seq);
        if (e == NULL || !is_for(a, e))
            continue;
        if (at >= a->n_seen || a->seen[at] != seq) {
            sim_fail("%s was never told of event %" PRIu64 " (%s); it is at %" PRIu64, a->party->id,
                     seq, e->type, a->after);
            return;
        }
        at++;
    }
}
