/* A ministry's own impact assessment (影響度評価) of a case, by its gateway. */
#include "services/intake/shell.h"

#include <string.h>

/* Faults of the sheet against its sender and the case, all at once. */
static void check_against_case(struct work *w, const pb_assessment *s, const pb_case *c)
{
    const char *name = c->application == NULL || c->application->service == NULL
                           ? ""
                           : c->application->service->name;
    if (strcmp(s->ministry, work_actor(w)) != 0)
        (void)work_refuse(w, STATUS(INVALID_ARGUMENT), "assessment.ministry", "R14",
                          "送信した府省庁と一致しません。", "the ministry is not the sender");
    if (strcmp(s->provider, c->provider) != 0)
        (void)work_refuse(w, STATUS(INVALID_ARGUMENT), "assessment.provider", "R14",
                          "案件の事業者と一致しません。", "the provider is not the case's");
    if (strcmp(s->service_name, name) != 0)
        (void)work_refuse(w, STATUS(INVALID_ARGUMENT), "assessment.serviceName", "R14",
                          "案件のサービス名と一致しません。", "the service is not the case's");
}

static bool assessed_already(const pb_case *c, const char *ministry)
{
    for (size_t i = 0; i < c->n_assessments; i++)
        if (c->assessments[i]->assessment != NULL &&
            strcmp(c->assessments[i]->assessment->ministry, ministry) == 0)
            return true;
    return false;
}

static enum decide refuse_second(struct work *w)
{
    const char *ja =
        arena_printf(work_arena(w), "%sの影響度評価はすでに記録されています。", work_actor(w));
    const char *en =
        arena_printf(work_arena(w), "an assessment of %s is recorded already", work_actor(w));
    if (ja == NULL || en == NULL)
        return work_no_memory(w);
    return work_refuse(w, STATUS(ALREADY_EXISTS), "assessment.ministry", "R12", ja, en);
}

static enum decide refuse_step(struct work *w, enum fsm_result r)
{
    if (r == FSM_GUARDED)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "caseId", "R20",
                           "該当性の判断が完了した案件には評価を追加できません。",
                           "the case's judgment is decided: no assessment can be added");
    return work_refuse(w, STATUS(FAILED_PRECONDITION), "caseId", "R49", "取り下げられた案件です。",
                       "the case has been withdrawn");
}

/* The case with one more assessment. NULL without memory. */
static pb_case *with_assessment(struct work *w, const pb_case *old, pb_assessment *s,
                                const pb_party *sender)
{
    struct arena *a = work_arena(w);
    pb_case *c = arena_dup(a, old, sizeof *c);
    pb_recorded *r = arena_alloc(a, sizeof *r);
    pb_recorded **list = arena_alloc(a, (old->n_assessments + 1) * sizeof *list);
    uint8_t *hash = arena_alloc(a, SHA256_BYTES);
    size_t bytes = 0;
    const uint8_t *payload = work_payload(w, &bytes);
    struct crypto_part part = {payload, bytes};
    if (c == NULL || r == NULL || list == NULL || hash == NULL ||
        crypto_sha256(&part, 1, hash) != ERR_OK)
        return NULL;
    ismap__liu__v1__recorded_assessment__init(r);
    r->assessment = s;
    r->evidence_hash = (ProtobufCBinaryData){SHA256_BYTES, hash};
    r->received_at_ms = work_now_ms(w);
    r->body = lend(completeness_body(work_actor(w), sender == NULL ? "" : sender->body));
    if (old->n_assessments > 0)
        memcpy(list, old->assessments, old->n_assessments * sizeof *list);
    list[old->n_assessments] = r;
    c->assessments = list;
    c->n_assessments = old->n_assessments + 1;
    c->evidence_version = old->evidence_version + 1;
    return c;
}

static enum decide record(struct work *w, pb_case *c)
{
    work_put(w, RECORD_CASE, c->id, &c->base);
    Ismap__Liu__V1__AssessmentRecorded event;
    ismap__liu__v1__assessment_recorded__init(&event);
    event.case_id = c->id;
    event.ministry = lend(work_actor(w));
    event.state = c->state;
    size_t n = 0;
    const char *const *audience = shell_case_audience(work_arena(w), c, &n);
    Ismap__Liu__V1__AssessmentAccepted *reply = arena_alloc(work_arena(w), sizeof *reply);
    if (audience == NULL || reply == NULL)
        return work_no_memory(w);
    work_emit(w, &event.base, audience, n);
    ismap__liu__v1__assessment_accepted__init(reply);
    reply->case_id = c->id;
    reply->state = c->state;
    work_reply(w, &reply->base);
    return DECIDE_DONE;
}

enum decide intake_submit_assessment(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__SubmitAssessment *m = work_message(w);
    const struct sheet_facts *facts = map_sheet(work_arena(w), m->assessment);
    if (facts == NULL)
        return work_no_memory(w);
    struct violations v = {0};
    completeness_check_sheet(facts, "assessment.", &v);
    if (v.n > 0) /* R13: returned, no clock starts */
        return shell_refuse_all(w, STATUS(INVALID_ARGUMENT), &v);

    const pb_case *c;
    const pb_judgment *j;
    const pb_party *sender;
    bool loaded = work_get(w, RECORD_CASE, m->case_id, (const void **)&c);
    loaded &= work_get(w, RECORD_JUDGMENT, m->case_id, (const void **)&j);
    loaded &= work_get(w, RECORD_PARTY, work_actor(w), (const void **)&sender);
    if (!loaded)
        return DECIDE_WAIT;
    if (c == NULL)
        return shell_not_found(w, "caseId");
    check_against_case(w, m->assessment, c);
    if (work_refused(w))
        return DECIDE_DONE;
    if (assessed_already(c, work_actor(w)))
        return refuse_second(w);
    if (c->n_assessments >= ASSESSMENTS_MAX)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "caseId", "P-LIMIT",
                           "1つの案件に記録できる影響度評価は16件までです。",
                           "a case holds at most 16 assessments");
    struct case_facts after = {
        .complete_assessments = (uint32_t)c->n_assessments + 1,
        .judgment_decided =
            j != NULL && j->verdict != NULL && (int)j->verdict->state == (int)JUDGMENT_DECIDED,
    };
    enum case_state next = CASE_NONE;
    enum fsm_result step = case_step((enum case_state)c->state, CASE_ASSESS, &after, &next);
    if (step != FSM_OK)
        return refuse_step(w, step);
    pb_case *changed = with_assessment(w, c, m->assessment, sender);
    if (changed == NULL)
        return work_no_memory(w);
    changed->state = (Ismap__Liu__V1__CaseState)next;
    if (changed->accepted_at_ms == 0 && next == CASE_ACCEPTED)
        changed->accepted_at_ms = work_now_ms(w);
    return record(w, changed);
}
