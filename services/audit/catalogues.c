/* Catalogues as data of the store: put once, never changed, put in force by an operator. R60
 *
 * A catalogue by which no plan could be made under the rulebook in force is refused before it is
 * activated, with every fault: a plan is made on trial.
 */
#include <string.h>

#include "services/audit/audit_record.h"
#include "services/audit/runs.h"

static enum decide refuse_catalogue(struct work *w, Ismap__Liu__V1__Status status, enum err e,
                                    const struct audit_faults *faults)
{
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    if (faults->n == 0)
        return work_refuse(w, status, "catalogue", "R60", "この管理基準では計画を作れません。",
                           "no plan can be made by this catalogue");
    return audit_refuse_faults(w, status, "catalogue.", faults);
}

enum decide audit_put_catalogue(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__PutCatalogue *m = work_message(w);
    struct catalogue c = {0};
    struct catalogue_counts n = {0};
    struct audit_faults faults = {.n = 0};
    const void *there = NULL;
    if (!work_get(w, RECORD_CATALOGUE, m->catalogue->version, &there))
        return DECIDE_WAIT;
    if (there != NULL)
        return work_refuse(w, STATUS(ALREADY_EXISTS), "catalogue.version", "R60",
                           "この版の管理基準は登録済みです。登録した版は変更できません。",
                           "There is a catalogue of this version already; it is never changed.");
    enum err e = audit_record_catalogue(work_arena(w), m->catalogue, &c, &faults);
    if (e == ERR_OK && c.by_id == NULL) {
        catalogue_count(&c, &n);
        (void)catalogue_check_counts(work_arena(w), m->catalogue->version, &n, &faults);
        e = faults.n > 0 ? ERR_INVAL : ERR_OK;
    }
    if (e != ERR_OK)
        return refuse_catalogue(w, STATUS(INVALID_ARGUMENT), e, &faults);
    work_put(w, RECORD_CATALOGUE, m->catalogue->version, &m->catalogue->base);
    return DECIDE_DONE;
}

/* A plan on trial: what the rulebook names must be in it. */
static enum err try_it(struct work *w, const Ismap__Liu__V1__Catalogue *catalogue,
                       const Ismap__Liu__V1__Rulebook *rules, struct audit_faults *faults)
{
    struct audit_making m = {.catalogue = catalogue,
                             .rules = rules == NULL ? NULL : rules->audit,
                             .first_year = audit_year_of(work_now_ms(w))};
    return m.rules == NULL ? ERR_INVAL : audit_make(work_arena(w), &m, faults);
}

enum decide audit_activate_catalogue(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ActivateCatalogue *m = work_message(w);
    const void *catalogue = NULL;
    const void *found = NULL;
    const void *run = NULL;
    const Ismap__Liu__V1__Rulebook *rules = NULL;
    const char *hash = NULL;
    struct audit_faults faults = {.n = 0};
    bool loaded = work_get(w, RECORD_CATALOGUE, m->version, &catalogue);
    loaded &= work_get(w, RECORD_ACTIVE, "catalogue", &found);
    loaded &= work_get(w, RECORD_REPLAN_RUN, AUDIT_RUN, &run);
    loaded &= work_rulebook(w, &rules, &hash);
    if (!loaded)
        return DECIDE_WAIT;
    if (catalogue == NULL)
        return audit_not_found(w, "version");
    const Ismap__Liu__V1__Active *old = found;
    if (old != NULL && strcmp(old->ref, m->version) == 0)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "version", "R60",
                           "この版は既に適用されています。", "This version is in force already.");
    enum err e = try_it(w, catalogue, rules, &faults);
    if (e != ERR_OK)
        return refuse_catalogue(w, STATUS(FAILED_PRECONDITION), e, &faults);
    Ismap__Liu__V1__Active active = ISMAP__LIU__V1__ACTIVE__INIT;
    Ismap__Liu__V1__CatalogueActivated ev = ISMAP__LIU__V1__CATALOGUE_ACTIVATED__INIT;
    const char *audience[] = {"public"};
    active.ref = ev.version = m->version;
    active.version = old == NULL ? 1 : old->version + 1;
    active.since_ms = work_now_ms(w);
    active.by = lend(work_actor(w));
    if (old != NULL)
        ev.previous = old->ref;
    ev.reason = m->reason;
    work_put(w, RECORD_ACTIVE, "catalogue", &active.base);
    work_emit(w, &ev.base, audience, 1);
    return audit_run_answer(w, audit_run_start(w, run, CAUSE(CATALOGUE), m->version));
}

enum decide audit_list_catalogues(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ListCatalogues *m = work_message(w);
    const void *found = NULL;
    struct work_page page;
    bool loaded = work_get(w, RECORD_ACTIVE, "catalogue", &found);
    loaded &= work_scan(w, RECORD_CATALOGUE, m->page, 16, &page);
    if (!loaded)
        return DECIDE_WAIT;
    if (work_refused(w))
        return DECIDE_DONE;
    const Ismap__Liu__V1__Active *active = found;
    Ismap__Liu__V1__CatalogueList reply = ISMAP__LIU__V1__CATALOGUE_LIST__INIT;
    Ismap__Liu__V1__CatalogueSummary *items = arena_alloc(work_arena(w), page.n * sizeof *items);
    reply.catalogues = arena_alloc(work_arena(w), (page.n + 1) * sizeof(void *));
    if (items == NULL || reply.catalogues == NULL)
        return work_no_memory(w);
    reply.next_page = lend(page.next_page);
    for (size_t i = 0; i < page.n; i++) {
        const Ismap__Liu__V1__Catalogue *c = page.messages[i];
        ismap__liu__v1__catalogue_summary__init(&items[i]);
        items[i].version = c->version;
        items[i].source = c->source;
        items[i].items = (uint32_t)c->n_items;
        items[i].in_force = active != NULL && strcmp(active->ref, c->version) == 0;
        reply.catalogues[reply.n_catalogues++] = &items[i];
    }
    work_reply(w, &reply.base);
    return DECIDE_DONE;
}
