/* What ends a case or a registration before its time: withdrawals (取下げ) by the provider, R49,
 * and the cancellation (取消し) that the committee decides, R84 and R87. */
#include "services/intake/shell.h"

#include <string.h>

#include "base/date.h"
#include "services/intake/core/case_fsm.h"
#include "services/intake/core/listing_fsm.h"
#include "services/intake/core/requirements.h"

/* ---- the main application */

static pb_listing *listing_withdrawn(struct work *w, const pb_listing *old, const char *reason)
{
    struct listing_facts facts = {map_day(old->valid_until, EFFECTIVE_NO_DAY),
                                  date_of_ms(work_now_ms(w))};
    enum listing_state next = LISTING_NONE;
    if (listing_step((enum listing_state)old->state, LISTING_WITHDRAW, &facts, &next) != FSM_OK) {
        (void)work_refuse(
            w, STATUS(FAILED_PRECONDITION), "number", "R49",
            "審査中の本申請ではありません。登録済みのサービスは取消しを申し出てください。",
            "no application is under way; of a registered service ask for the "
            "cancellation");
        return NULL;
    }
    pb_listing *l = arena_dup(work_arena(w), old, sizeof *l);
    if (l == NULL) {
        (void)work_no_memory(w);
        return NULL;
    }
    l->state = (Ismap__Liu__V1__ListingState)next;
    l->withdrawn_reason = lend(reason);
    l->withdrawn_at_ms = work_now_ms(w);
    work_put(w, RECORD_LISTING, l->number, &l->base);
    Ismap__Liu__V1__RegistrationWithdrawn event;
    ismap__liu__v1__registration_withdrawn__init(&event);
    event.number = l->number;
    event.case_id = l->case_id;
    event.provider = l->provider;
    event.state = l->state;
    event.reason = l->withdrawn_reason;
    const char *audience[] = {l->provider};
    work_emit(w, &event.base, audience, 1);
    return l;
}

enum decide intake_withdraw_registration(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__WithdrawRegistration *m = work_message(w);
    const pb_listing *old;
    if (!work_get(w, RECORD_LISTING, m->number, (const void **)&old))
        return DECIDE_WAIT;
    if (old == NULL || strcmp(old->provider, work_actor(w)) != 0)
        return shell_not_found(w, "number");
    const pb_listing *l = listing_withdrawn(w, old, m->reason);
    return l == NULL ? DECIDE_DONE : shell_reply_listing(w, l);
}

/* ---- the case */

static enum decide case_withdrawn(struct work *w, const pb_case *old, enum case_state next,
                                  const char *reason)
{
    pb_case *c = arena_dup(work_arena(w), old, sizeof *c);
    size_t n = 0;
    if (c == NULL)
        return work_no_memory(w);
    c->state = (Ismap__Liu__V1__CaseState)next;
    c->withdrawn_at_ms = work_now_ms(w);
    c->withdrawn_reason = lend(reason);
    c->evidence_version = old->evidence_version + 1;
    work_put(w, RECORD_CASE, c->id, &c->base);
    Ismap__Liu__V1__CaseWithdrawn event;
    ismap__liu__v1__case_withdrawn__init(&event);
    event.case_id = c->id;
    event.provider = c->provider;
    event.reason = c->withdrawn_reason;
    const char *const *audience = shell_case_audience(work_arena(w), c, &n);
    if (audience == NULL)
        return work_no_memory(w);
    work_emit(w, &event.base, audience, n);
    return DECIDE_DONE;
}

/* An application under way is withdrawn with its case; a registration is not: that is the
 * committee's to end. */
static enum decide withdraw_both(struct work *w, const pb_case *c, const pb_listing *l,
                                 const char *reason)
{
    enum case_state next = CASE_NONE;
    const struct case_facts facts = {0};
    if (case_step((enum case_state)c->state, CASE_WITHDRAW, &facts, &next) != FSM_OK)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "caseId", "R49",
                           "すでに取り下げられた案件です。", "the case has been withdrawn already");
    bool ours = l != NULL && strcmp(l->case_id, c->id) == 0;
    if (ours && ((enum listing_state)l->state == LISTING_REGISTERED ||
                 (enum listing_state)l->state == LISTING_RENEWAL_PENDING))
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "caseId", "R49",
                           "登録済みのサービスの案件です。登録の取消しを申し出てください。",
                           "its service is registered: ask for the cancellation of the "
                           "registration");
    if (ours && (enum listing_state)l->state == LISTING_APPLIED &&
        listing_withdrawn(w, l, reason) == NULL)
        return DECIDE_DONE;
    return case_withdrawn(w, c, next, reason);
}

enum decide intake_withdraw_case(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__WithdrawCase *m = work_message(w);
    const pb_case *c;
    const pb_rulebook *rules;
    const pb_listing *l = NULL;
    const char *hash;
    bool loaded = work_get(w, RECORD_CASE, m->case_id, (const void **)&c);
    loaded &= work_rulebook(w, &rules, &hash);
    if (!loaded)
        return DECIDE_WAIT;
    if (c == NULL || strcmp(c->provider, work_actor(w)) != 0)
        return shell_not_found(w, "caseId");
    if (rules != NULL) { /* without one nothing was ever applied for */
        const char *number = shell_listing_number(work_arena(w), rules, c);
        if (number == NULL)
            return work_no_memory(w);
        if (!work_get(w, RECORD_LISTING, number, (const void **)&l))
            return DECIDE_WAIT;
    }
    return withdraw_both(w, c, l, m->reason);
}

/* ---- cancellation */

static enum decide cancelled(struct work *w, const pb_listing *old, enum listing_state next,
                             const Ismap__Liu__V1__CancelRegistration *m)
{
    pb_listing *l = arena_dup(work_arena(w), old, sizeof *l);
    Ismap__Liu__V1__Cancellation *c = arena_alloc(work_arena(w), sizeof *c);
    if (l == NULL || c == NULL)
        return work_no_memory(w);
    ismap__liu__v1__cancellation__init(c);
    c->order = (Ismap__Liu__V1__CancelRegistration *)(uintptr_t)m;
    c->by = lend(work_actor(w));
    c->at_ms = work_now_ms(w);
    l->state = (Ismap__Liu__V1__ListingState)next;
    l->cancellation = c;
    work_put(w, RECORD_LISTING, l->number, &l->base);
    work_timer(w, TIMER_EXPIRE, l->number, -1);
    Ismap__Liu__V1__RegistrationCancelled event;
    ismap__liu__v1__registration_cancelled__init(&event);
    event.number = l->number;
    event.provider = l->provider;
    event.service_name = l->service_name;
    event.ground = m->ground;
    event.committee_date = m->committee_date;
    event.decision_reference = m->decision_reference;
    const char *audience[] = {"public", l->provider};
    work_emit(w, &event.base, audience, 2);
    return shell_reply_listing(w, l);
}

enum decide intake_cancel_registration(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__CancelRegistration *m = work_message(w);
    struct violations v = {0};
    requirements_check_decision(m->committee_date, m->decision_reference,
                                date_of_ms(work_now_ms(w)), &v);
    if (v.n > 0)
        return shell_refuse_all(w, STATUS(INVALID_ARGUMENT), &v);
    const pb_listing *old;
    if (!work_get(w, RECORD_LISTING, m->number, (const void **)&old))
        return DECIDE_WAIT;
    if (old == NULL)
        return shell_not_found(w, "number");
    struct listing_facts facts = {map_day(old->valid_until, EFFECTIVE_NO_DAY),
                                  date_of_ms(work_now_ms(w))};
    enum listing_state next = LISTING_NONE;
    if (listing_step((enum listing_state)old->state, LISTING_CANCEL, &facts, &next) != FSM_OK)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "number", "R87",
                           "登録されているサービスではありません。",
                           "the service is not registered");
    return cancelled(w, old, next, m);
}
