/* Cases as their askers may see them, with who waits for whom. */
#include "services/intake/shell.h"

typedef Ismap__Liu__V1__CaseView pb_view;

static pb_view *view_of(struct work *w, const pb_case *c, const pb_judgment *j)
{
    struct waiting_facts facts;
    struct waiting waits;
    pb_view *v = arena_alloc(work_arena(w), sizeof *v);
    if (v == NULL || !map_waiting(work_arena(w), c, j, &facts))
        return NULL;
    waiting_decide(&facts, &waits);
    ismap__liu__v1__case_view__init(v);
    v->record = (pb_case *)(uintptr_t)c;
    v->waits_for = lend(waits.who);
    v->waits_since_ms = waits.since_ms;
    v->waits_why_ja = lend(waits.why_ja);
    v->waits_why_en = lend(waits.why_en);
    return v;
}

/* A list shows who assessed and when; the items of the sheets are read with GetCase. NULL without
 * memory. */
static pb_case *abridged(struct arena *a, const pb_case *c)
{
    pb_case *out = arena_dup(a, c, sizeof *out);
    pb_recorded **list = arena_alloc(a, c->n_assessments * sizeof *list);
    if (out == NULL || list == NULL)
        return NULL;
    for (size_t i = 0; i < c->n_assessments; i++) {
        const pb_recorded *old = c->assessments[i];
        list[i] = arena_dup(a, old, sizeof *old);
        if (list[i] == NULL)
            return NULL;
        if (old->assessment == NULL)
            continue;
        list[i]->assessment = arena_dup(a, old->assessment, sizeof *old->assessment);
        if (list[i]->assessment == NULL)
            return NULL;
        list[i]->assessment->items = NULL;
        list[i]->assessment->n_items = 0;
    }
    out->assessments = list;
    return out;
}

enum decide intake_get_case(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__GetCase *m = work_message(w);
    const pb_case *c;
    const pb_judgment *j;
    bool loaded = work_get(w, RECORD_CASE, m->case_id, (const void **)&c);
    loaded &= work_get(w, RECORD_JUDGMENT, m->case_id, (const void **)&j);
    if (!loaded)
        return DECIDE_WAIT;
    if (c == NULL || !shell_may_see_case(w, c))
        return shell_not_found(w, "caseId");
    pb_view *v = view_of(w, c, j);
    if (v == NULL)
        return work_no_memory(w);
    work_reply(w, &v->base);
    return DECIDE_DONE;
}

static enum decide list(struct work *w, const char *page_name, uint32_t max, bool waiting_only)
{
    struct arena *a = work_arena(w);
    struct work_page page;
    if (!work_scan(w, RECORD_CASE, page_name, shell_page_max(max), &page))
        return DECIDE_WAIT;
    const pb_judgment **judgments = arena_alloc(a, page.n * sizeof *judgments);
    pb_view **views = arena_alloc(a, page.n * sizeof *views);
    Ismap__Liu__V1__CaseList *reply = arena_alloc(a, sizeof *reply);
    if (judgments == NULL || views == NULL || reply == NULL)
        return work_no_memory(w);
    bool loaded = true;
    for (size_t i = 0; i < page.n; i++)
        if (shell_may_see_case(w, page.messages[i]))
            loaded &= work_get(w, RECORD_JUDGMENT, page.ids[i], (const void **)&judgments[i]);
    if (!loaded)
        return DECIDE_WAIT;
    ismap__liu__v1__case_list__init(reply);
    reply->cases = views;
    reply->next_page = lend(page.next_page);
    for (size_t i = 0; i < page.n; i++) {
        const pb_case *c = page.messages[i];
        if (!shell_may_see_case(w, c))
            continue;
        const pb_case *shown = abridged(a, c);
        pb_view *v = shown == NULL ? NULL : view_of(w, shown, judgments[i]);
        if (v == NULL)
            return work_no_memory(w);
        if (!waiting_only || v->waits_for[0] != '\0')
            views[reply->n_cases++] = v;
    }
    work_reply(w, &reply->base);
    return DECIDE_DONE;
}

enum decide intake_list_cases(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__ListCases *m = work_message(w);
    return list(w, m->page, m->max, false);
}

enum decide intake_list_waiting(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__ListWaiting *m = work_message(w);
    return list(w, m->page, m->max, true);
}
