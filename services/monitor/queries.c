/* Incidents for those who may see them: operators all, a provider those of its own listings. */
#include <string.h>

#include "services/monitor/incident.h"

#define PAGE_DEFAULT 64
#define PAGE_MAX 64 /* each incident of a provider's page costs one look at its listing */

static bool is_operator(const struct work *w)
{
    return work_role(w) == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR;
}

/* Who reported is between the feed and the scheme: a provider reads what and when, not who. */
static pb_incident *for_provider(struct arena *a, const pb_incident *stored)
{
    pb_incident *inc = incident_edit(a, stored);
    for (size_t i = 0; inc != NULL && i < inc->n_sources; i++) {
        pb_source *s = arena_dup(a, inc->sources[i], sizeof *s);
        if (s == NULL)
            return NULL;
        s->feed = TEXT("");
        s->operator_body = TEXT("");
        inc->sources[i] = s;
    }
    for (size_t i = 0; inc != NULL && i < inc->n_steps; i++) {
        pb_step *s = arena_dup(a, inc->steps[i], sizeof *s);
        if (s == NULL)
            return NULL;
        s->by = TEXT("");
        inc->steps[i] = s;
    }
    return inc;
}

/* *owns: the sender is the provider of the incident's listing. False = return DECIDE_WAIT. */
static bool owns(struct work *w, const pb_incident *inc, bool *yes)
{
    const pb_listing *l;
    *yes = false;
    if (inc->number[0] == '\0')
        return true;
    if (!work_get(w, RECORD_LISTING, inc->number, (const void **)&l))
        return false;
    *yes = l != NULL && strcmp(l->provider, work_actor(w)) == 0;
    return true;
}

enum decide get_incident(struct work *w, void *service_state)
{
    const Ismap__Liu__V1__GetIncident *m = work_message(w);
    const pb_incident *stored;
    bool own = is_operator(w);
    (void)service_state;
    if (!work_get(w, RECORD_INCIDENT, m->incident_id, (const void **)&stored))
        return DECIDE_WAIT;
    if (stored != NULL && !own && !owns(w, stored, &own))
        return DECIDE_WAIT;
    if (stored == NULL || !own)
        return work_refuse(w, STATUS(NOT_FOUND), "incidentId", "P-NOT-FOUND",
                           "そのインシデントはありません。", "There is no such incident.");
    Ismap__Liu__V1__IncidentAnswer *answer = arena_alloc(work_arena(w), sizeof *answer);
    if (answer == NULL)
        return work_no_memory(w);
    ismap__liu__v1__incident_answer__init(answer);
    answer->incident =
        is_operator(w) ? (pb_incident *)(uintptr_t)stored : for_provider(work_arena(w), stored);
    if (answer->incident == NULL)
        return work_no_memory(w);
    work_reply(w, &answer->base);
    return DECIDE_DONE;
}

enum decide list_incidents(struct work *w, void *service_state)
{
    const Ismap__Liu__V1__ListIncidents *m = work_message(w);
    struct work_page page;
    struct arena *a = work_arena(w);
    uint32_t max = m->max == 0 ? PAGE_DEFAULT : m->max < PAGE_MAX ? m->max : PAGE_MAX;
    (void)service_state;
    if (!work_scan(w, RECORD_INCIDENT, m->page, max, &page))
        return DECIDE_WAIT;
    Ismap__Liu__V1__IncidentList *list = arena_alloc(a, sizeof *list);
    pb_incident **incidents = arena_alloc(a, (page.n + 1) * sizeof(pb_incident *));
    if (list == NULL || incidents == NULL)
        return work_no_memory(w);
    ismap__liu__v1__incident_list__init(list);
    bool loaded = true;
    for (size_t i = 0; i < page.n; i++) {
        const pb_incident *inc = page.messages[i];
        bool own = is_operator(w);
        if (m->open_only && !incident_is_open((enum incident_state)inc->state))
            continue;
        if (!own && !owns(w, inc, &own))
            loaded = false;
        if (!own)
            continue;
        pb_incident *shown = is_operator(w) ? (pb_incident *)(uintptr_t)inc : for_provider(a, inc);
        if (shown == NULL)
            return work_no_memory(w);
        incidents[list->n_incidents++] = shown;
    }
    if (!loaded)
        return DECIDE_WAIT;
    list->incidents = incidents;
    list->next_page = TEXT(page.next_page);
    work_reply(w, &list->base);
    return DECIDE_DONE;
}
