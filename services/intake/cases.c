/* Pre-applications (事前申請): opens a case. The plain path, without attachments, reads nothing. */
#include "services/intake/shell.h"

#include <string.h>

enum decide shell_refuse_all(struct work *w, Ismap__Liu__V1__Status status,
                             const struct violations *v)
{
    for (size_t i = 0; i < v->n; i++)
        (void)work_refuse(w, status, v->items[i].field, v->items[i].rule, v->items[i].ja,
                          v->items[i].en);
    return DECIDE_DONE;
}

enum decide shell_not_found(struct work *w, const char *field)
{
    return work_refuse(w, STATUS(NOT_FOUND), field, "P-NOT-FOUND", "該当するものがありません。",
                       "there is no such record, or it is not yours to see");
}

uint32_t shell_page_max(uint32_t asked)
{
    if (asked == 0)
        return INTAKE_PAGE_DEFAULT;
    return asked < INTAKE_PAGE_MAX ? asked : INTAKE_PAGE_MAX;
}

const char *const *shell_case_audience(struct arena *a, const pb_case *c, size_t *n)
{
    size_t n_asked = c->application == NULL ? 0 : c->application->n_asked_ministries;
    const char **list = arena_alloc(a, (1 + n_asked + c->n_assessments) * sizeof *list);
    if (list == NULL)
        return NULL;
    *n = 0;
    list[(*n)++] = c->provider;
    for (size_t i = 0; i < n_asked; i++)
        list[(*n)++] = c->application->asked_ministries[i];
    for (size_t i = 0; i < c->n_assessments; i++)
        if (c->assessments[i]->assessment != NULL)
            list[(*n)++] = c->assessments[i]->assessment->ministry;
    return list;
}

bool shell_may_see_case(const struct work *w, const pb_case *c)
{
    const char *who = work_actor(w);
    if (work_role(w) == ROLE(OPERATOR))
        return true;
    if (work_role(w) == ROLE(PROVIDER))
        return strcmp(c->provider, who) == 0;
    if (work_role(w) != ROLE(MINISTRY))
        return false;
    for (size_t i = 0; c->application != NULL && i < c->application->n_asked_ministries; i++)
        if (strcmp(c->application->asked_ministries[i], who) == 0)
            return true;
    for (size_t i = 0; i < c->n_assessments; i++)
        if (c->assessments[i]->assessment != NULL &&
            strcmp(c->assessments[i]->assessment->ministry, who) == 0)
            return true;
    return false;
}

static enum decide open_case(struct work *w, const pb_application *m, pb_recorded **recorded,
                             size_t n_recorded)
{
    struct case_facts facts = {.complete_assessments = (uint32_t)n_recorded};
    enum case_state next = CASE_NONE;
    if (case_step(CASE_NONE, CASE_SUBMIT, &facts, &next) != FSM_OK)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "", "R12",
                           "この申請は受け付けられません。", "the application cannot be taken");
    pb_application application = *m;
    application.n_attached = 0; /* they live on as assessments */
    application.attached = NULL;
    pb_case c;
    ismap__liu__v1__case__init(&c);
    c.id = lend(work_derive_id(w, "C"));
    c.provider = lend(work_actor(w));
    c.state = (Ismap__Liu__V1__CaseState)next;
    c.application = &application;
    c.assessments = recorded;
    c.n_assessments = n_recorded;
    c.submitted_at_ms = work_now_ms(w);
    c.accepted_at_ms = next == CASE_ACCEPTED ? work_now_ms(w) : 0;
    c.evidence_version = 1;
    work_put(w, RECORD_CASE, c.id, &c.base);

    Ismap__Liu__V1__CaseSubmitted event;
    ismap__liu__v1__case_submitted__init(&event);
    event.case_id = c.id;
    event.provider = c.provider;
    event.state = c.state;
    event.n_asked_ministries = m->n_asked_ministries;
    event.asked_ministries = m->asked_ministries;
    size_t n = 0;
    const char *const *audience = shell_case_audience(work_arena(w), &c, &n);
    Ismap__Liu__V1__CaseOpened *reply = arena_alloc(work_arena(w), sizeof *reply);
    if (audience == NULL || reply == NULL)
        return work_no_memory(w);
    work_emit(w, &event.base, audience, n);

    ismap__liu__v1__case_opened__init(reply);
    reply->case_id = c.id;
    reply->state = c.state;
    work_reply(w, &reply->base);
    return DECIDE_DONE;
}

enum decide intake_submit_pre_application(struct work *w, void *service_state)
{
    (void)service_state;
    const pb_application *m = work_message(w);
    struct form_facts form = {
        .provider = work_actor(w),
        .gbiz_id = m->gbiz_id,
        .asked = m->asked_ministries,
        .n_asked = m->n_asked_ministries,
        .n_attached = m->n_attached,
    };
    struct violations v = {0};
    completeness_check_form(&form, &v);
    if (v.n > 0)
        return shell_refuse_all(w, STATUS(INVALID_ARGUMENT), &v);
    if (m->n_attached == 0)
        return open_case(w, m, NULL, 0);
    pb_recorded **recorded = NULL;
    switch (attached_read(w, m, &recorded)) {
    case ATTACHED_WAIT:
        return DECIDE_WAIT;
    case ATTACHED_REFUSED:
        return DECIDE_DONE;
    case ATTACHED_NO_MEMORY:
        return work_no_memory(w);
    case ATTACHED_OK:
    default:
        return open_case(w, m, recorded, m->n_attached);
    }
}
