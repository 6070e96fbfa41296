/* Main applications (本申請), the committee's decisions on them, and the end of validity. */
#include "services/intake/shell.h"

#include <string.h>

#include "base/date.h"
#include "base/text.h"
#include "domain/validity.h"
#include "services/intake/core/case_fsm.h"
#include "services/intake/core/listing_fsm.h"
#include "services/intake/core/requirements.h"

#define NUMBER_DIGEST_BYTES 10 /* of the digest that makes the number: 16 digits of base32 */

static enum decide refuse_no_rulebook(struct work *w)
{
    return work_refuse(w, STATUS(FAILED_PRECONDITION), "", "P-NO-RULEBOOK",
                       "有効なルールブックがありません。運用者にお問い合わせください。",
                       "no rulebook is in force; ask the operator");
}

const char *shell_listing_number(struct arena *a, const pb_rulebook *rules, const pb_case *c)
{
    const char *prefix = rules->listing == NULL ? "" : rules->listing->number_prefix;
    size_t n = strlen(prefix);
    const char *service = c->application == NULL || c->application->service == NULL
                              ? c->id
                              : c->application->service->name;
    struct crypto_part parts[] = {{c->provider, strlen(c->provider)}, {service, strlen(service)}};
    uint8_t digest[SHA256_BYTES];
    char tail[NUMBER_DIGEST_BYTES * 8 / 5 + 1];
    if (crypto_digest("ismap-liu/v1/listing", parts, 2, digest) != ERR_OK)
        return NULL;
    text_base32(digest, NUMBER_DIGEST_BYTES, tail);
    bool separated = n == 0 || prefix[n - 1] == '-';
    return arena_printf(a, "%s%s%s", prefix, separated ? "" : "-", tail);
}

/* NULL without memory. */
static pb_listing *listing_of(struct work *w, const char *number, const pb_case *c,
                              const pb_judgment *j)
{
    struct arena *a = work_arena(w);
    pb_listing *l = arena_alloc(a, sizeof *l);
    char **ministries = arena_alloc(a, c->n_assessments * sizeof *ministries);
    if (l == NULL || ministries == NULL)
        return NULL;
    ismap__liu__v1__listing__init(l);
    l->number = lend(number);
    l->case_id = c->id;
    l->provider = c->provider;
    if (c->application != NULL && c->application->service != NULL)
        l->service_name = c->application->service->name;
    if (c->application != NULL && c->application->business != NULL)
        l->business = c->application->business->description;
    l->application = (pb_registration *)(uintptr_t)work_message(w);
    l->ministries = ministries;
    for (size_t i = 0; i < c->n_assessments; i++) /* one assessment a ministry: no duplicates */
        if (c->assessments[i]->assessment != NULL)
            ministries[l->n_ministries++] = c->assessments[i]->assessment->ministry;
    l->matched_code = j->verdict->matched_code;
    l->verdict_list_version = j->verdict->list_version;
    return l;
}

enum decide shell_reply_listing(struct work *w, const pb_listing *l)
{
    Ismap__Liu__V1__RegistrationReceived *reply = arena_alloc(work_arena(w), sizeof *reply);
    if (reply == NULL)
        return work_no_memory(w);
    ismap__liu__v1__registration_received__init(reply);
    reply->number = l->number;
    reply->state = l->state;
    work_reply(w, &reply->base);
    return DECIDE_DONE;
}

static enum decide apply(struct work *w, const char *number, const pb_case *c, const pb_judgment *j,
                         const pb_listing *old)
{
    struct listing_facts facts = {
        .valid_until = old == NULL ? EFFECTIVE_NO_DAY : map_day(old->valid_until, EFFECTIVE_NO_DAY),
        .today = date_of_ms(work_now_ms(w)),
    };
    enum listing_state next = LISTING_NONE;
    enum listing_state now = old == NULL ? LISTING_NONE : (enum listing_state)old->state;
    if (listing_step(now, LISTING_APPLY, &facts, &next) != FSM_OK) {
        const char *ja =
            arena_printf(work_arena(w), "このサービスの本申請は%sとして受け付け済みです。", number);
        const char *en =
            arena_printf(work_arena(w), "this service has a main application already: %s", number);
        if (ja == NULL || en == NULL)
            return work_no_memory(w);
        return work_refuse(w, STATUS(ALREADY_EXISTS), "caseId", "R40", ja, en);
    }
    pb_listing *l = listing_of(w, number, c, j);
    if (l == NULL)
        return work_no_memory(w);
    l->state = (Ismap__Liu__V1__ListingState)next;
    work_put(w, RECORD_LISTING, l->number, &l->base);
    Ismap__Liu__V1__RegistrationApplied event;
    ismap__liu__v1__registration_applied__init(&event);
    event.number = l->number;
    event.case_id = l->case_id;
    event.provider = l->provider;
    const char *audience[] = {l->provider};
    work_emit(w, &event.base, audience, 1);
    return shell_reply_listing(w, l);
}

enum decide intake_submit_registration(struct work *w, void *service_state)
{
    (void)service_state;
    const pb_registration *m = work_message(w);
    const char *issuer_id = m->audit_report == NULL ? "" : m->audit_report->issuer;
    const pb_case *c;
    const pb_judgment *j;
    const pb_party *issuer = NULL;
    const pb_rulebook *rules;
    const char *hash;
    bool loaded = work_get(w, RECORD_CASE, m->case_id, (const void **)&c);
    loaded &= work_get(w, RECORD_JUDGMENT, m->case_id, (const void **)&j);
    loaded &= work_rulebook(w, &rules, &hash);
    if (issuer_id[0] != '\0')
        loaded &= work_get(w, RECORD_PARTY, issuer_id, (const void **)&issuer);
    if (!loaded)
        return DECIDE_WAIT;
    if (c == NULL || strcmp(c->provider, work_actor(w)) != 0)
        return shell_not_found(w, "caseId");
    if ((enum case_state)c->state == CASE_WITHDRAWN)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "caseId", "R49",
                           "取り下げられた案件です。", "the case has been withdrawn");
    if (rules == NULL)
        return refuse_no_rulebook(w);
    const char *number = shell_listing_number(work_arena(w), rules, c);
    if (number == NULL)
        return work_no_memory(w);
    const pb_listing *old;
    if (!work_get(w, RECORD_LISTING, number, (const void **)&old))
        return DECIDE_WAIT;
    struct requirement_facts facts;
    struct violations v = {0};
    map_requirements(m, c, j, issuer, date_of_ms(work_now_ms(w)), &facts);
    requirements_check(&facts, &v);
    if (v.n > 0)
        return shell_refuse_all(w, STATUS(FAILED_PRECONDITION), &v);
    return apply(w, number, c, j, old);
}

/* R43. False: refused. */
static bool set_validity(struct work *w, const pb_rulebook *rules, pb_listing *l, int32_t today)
{
    const Ismap__Liu__V1__ListingRules *r = rules->listing;
    int32_t end;
    int32_t until;
    char *text = arena_alloc(work_arena(w), DATE_TEXT_BYTES);
    if (text == NULL) {
        (void)work_no_memory(w);
        return false;
    }
    if (r == NULL || l->application == NULL ||
        date_parse(l->application->audit_period_end, &end) != ERR_OK ||
        validity_valid_until(end, r->validity_months, r->expiry_inclusive, &until) != ERR_OK) {
        (void)work_refuse(
            w, STATUS(FAILED_PRECONDITION), "number", "R43",
            "有効期間を計算できません。ルールブックの有効期間を確認してください。",
            "the validity cannot be computed; check the rulebook's validity in months");
        return false;
    }
    if (until < today) {
        (void)work_refuse(w, STATUS(FAILED_PRECONDITION), "number", "R43",
                          "監査対象期間から計算した有効期間がすでに過ぎています。",
                          "the validity counted from the audit period is over already");
        return false;
    }
    date_format(until, text);
    l->valid_until = text;
    work_timer(w, TIMER_EXPIRE, l->number, date_start_ms(until + 1));
    return true;
}

static void emit_decided(struct work *w, const pb_listing *l)
{
    Ismap__Liu__V1__RegistrationDecided event;
    ismap__liu__v1__registration_decided__init(&event);
    event.number = l->number;
    event.provider = l->provider;
    event.state = l->state;
    event.service_name = l->service_name;
    event.valid_until = l->valid_until;
    const char *audience[] = {"public", l->provider};
    work_emit(w, &event.base, audience, 2);
}

enum decide intake_decide_registration(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__DecideRegistration *m = work_message(w);
    int32_t today = date_of_ms(work_now_ms(w));
    struct violations v = {0};
    requirements_check_decision(m->committee_date, m->decision_reference, today, &v);
    if (v.n > 0)
        return shell_refuse_all(w, STATUS(INVALID_ARGUMENT), &v);
    const pb_listing *old;
    const pb_rulebook *rules;
    const char *hash;
    bool loaded = work_get(w, RECORD_LISTING, m->number, (const void **)&old);
    loaded &= work_rulebook(w, &rules, &hash);
    if (!loaded)
        return DECIDE_WAIT;
    if (old == NULL)
        return shell_not_found(w, "number");
    if (rules == NULL)
        return refuse_no_rulebook(w);
    struct listing_facts facts = {map_day(old->valid_until, EFFECTIVE_NO_DAY), today};
    enum listing_state next = LISTING_NONE;
    if (listing_step((enum listing_state)old->state,
                     m->register_ ? LISTING_REGISTER : LISTING_REJECT, &facts, &next) != FSM_OK)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "number", "R46",
                           "審査中の本申請ではありません。",
                           "no application is waiting for a decision under this number");
    pb_listing *l = arena_dup(work_arena(w), old, sizeof *l);
    if (l == NULL)
        return work_no_memory(w);
    l->state = (Ismap__Liu__V1__ListingState)next;
    l->decision = (Ismap__Liu__V1__DecideRegistration *)(uintptr_t)m;
    l->decided_by = lend(work_actor(w));
    if (m->register_) {
        l->registered_at_ms = work_now_ms(w);
        if (!set_validity(w, rules, l, today))
            return DECIDE_DONE;
    }
    work_put(w, RECORD_LISTING, l->number, &l->base);
    emit_decided(w, l);
    return shell_reply_listing(w, l);
}

/* The state is computed from the date at every query; the record and an event follow for those who
 * read events. */
enum decide intake_expire(struct work *w, void *service_state)
{
    (void)service_state;
    const char *number = work_timer_record(w);
    const pb_listing *old;
    if (!work_get(w, RECORD_LISTING, number, (const void **)&old))
        return DECIDE_WAIT;
    struct listing_facts facts = {EFFECTIVE_NO_DAY, date_of_ms(work_now_ms(w))};
    enum listing_state next = LISTING_NONE;
    if (old == NULL)
        return DECIDE_DONE;
    facts.valid_until = map_day(old->valid_until, EFFECTIVE_NO_DAY);
    if (listing_step((enum listing_state)old->state, LISTING_EXPIRE, &facts, &next) != FSM_OK)
        return DECIDE_DONE; /* renewed, cancelled or pending meanwhile */
    pb_listing *l = arena_dup(work_arena(w), old, sizeof *l);
    if (l == NULL)
        return work_no_memory(w);
    l->state = (Ismap__Liu__V1__ListingState)next;
    work_put(w, RECORD_LISTING, l->number, &l->base);
    emit_decided(w, l);
    return DECIDE_DONE;
}
