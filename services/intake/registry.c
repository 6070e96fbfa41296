/* The public list (登録簿) and what may be procured: computed from the records as they are in Redis
 * now, never from memory, so that after a suspension's receipt no answer shows the service as
 * valid. */
#include "services/intake/shell.h"

#include <string.h>

#include "base/date.h"

typedef Ismap__Liu__V1__QueryProcurable pb_query;

/* A page of listings with their holds. Holds are read after the listings and after the head of the
 * journal, so the answer is at least as new as the as_of_seq it names. */
struct listings {
    uint64_t as_of_seq;
    const char *epoch;
    struct work_page page;
    const pb_hold **holds;
    int32_t today;
};

static enum effective_state state_without_hold(const struct listings *ls, size_t i)
{
    return map_effective(ls->page.messages[i], NULL, ls->today);
}

/* false: wait, or no memory (then holds is NULL). */
static bool load(struct work *w, const char *page, uint32_t max, struct listings *ls)
{
    *ls = (struct listings){.today = date_of_ms(work_now_ms(w))};
    if (!work_head(w, &ls->as_of_seq, &ls->epoch))
        return false;
    if (!work_scan(w, RECORD_LISTING, page, shell_page_max(max), &ls->page))
        return false;
    ls->holds = arena_alloc(work_arena(w), ls->page.n * sizeof *ls->holds);
    if (ls->holds == NULL) {
        (void)work_no_memory(w);
        return true;
    }
    bool loaded = true;
    for (size_t i = 0; i < ls->page.n; i++)
        if (effective_is_public(state_without_hold(ls, i)))
            loaded &= work_get(w, RECORD_HOLD, ls->page.ids[i], (const void **)&ls->holds[i]);
    return loaded;
}

/* Entries that `wanted` (NULL = all that are public) keeps. NULL without memory. */
static pb_entry **entries_of(struct work *w, const struct listings *ls, const pb_query *wanted,
                             size_t *n)
{
    pb_entry **entries = arena_alloc(work_arena(w), ls->page.n * sizeof *entries);
    *n = 0;
    for (size_t i = 0; entries != NULL && i < ls->page.n; i++) {
        const pb_listing *l = ls->page.messages[i];
        enum effective_state s = map_effective(l, ls->holds[i], ls->today);
        if (!effective_is_public(s))
            continue;
        if (wanted != NULL) {
            struct procurable_query q = {
                .list = (enum registry_list)wanted->list,
                .data_class = wanted->data_class,
                .level = (enum impact_level)wanted->level,
                .state = s,
                .business_matches = procurable_business(wanted->business, l->matched_code),
            };
            if (procurable(&q) != PROCURABLE_YES)
                continue;
        }
        entries[*n] = map_entry(work_arena(w), l, ls->holds[i], s);
        if (entries[*n] == NULL)
            return NULL;
        (*n)++;
    }
    return entries;
}

static enum decide reply_registry(struct work *w, pb_entry **entries, size_t n,
                                  const char *next_page, uint64_t as_of_seq, const char *epoch)
{
    Ismap__Liu__V1__Registry *reply = arena_alloc(work_arena(w), sizeof *reply);
    if (entries == NULL || reply == NULL)
        return work_no_memory(w);
    ismap__liu__v1__registry__init(reply);
    reply->entries = entries;
    reply->n_entries = n;
    reply->next_page = lend(next_page);
    reply->as_of_seq = as_of_seq;
    reply->epoch = lend(epoch);
    work_reply(w, &reply->base);
    return DECIDE_DONE;
}

enum decide intake_list_registry(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__ListRegistry *m = work_message(w);
    struct listings ls;
    if (!load(w, m->page, m->max, &ls))
        return DECIDE_WAIT;
    if (ls.holds == NULL)
        return DECIDE_DONE;
    size_t n;
    pb_entry **entries = entries_of(w, &ls, NULL, &n);
    return reply_registry(w, entries, n, ls.page.next_page, ls.as_of_seq, ls.epoch);
}

enum decide intake_get_registry_entry(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__GetRegistryEntry *m = work_message(w);
    uint64_t as_of_seq;
    const char *epoch;
    const pb_listing *l;
    const pb_hold *h;
    if (!work_head(w, &as_of_seq, &epoch))
        return DECIDE_WAIT;
    bool loaded = work_get(w, RECORD_LISTING, m->number, (const void **)&l);
    loaded &= work_get(w, RECORD_HOLD, m->number, (const void **)&h);
    if (!loaded)
        return DECIDE_WAIT;
    enum effective_state s =
        l == NULL ? EFFECTIVE_NOT_LISTED : map_effective(l, h, date_of_ms(work_now_ms(w)));
    if (!effective_is_public(s))
        return shell_not_found(w, "number");
    pb_entry **entries = arena_alloc(work_arena(w), sizeof *entries);
    if (entries != NULL)
        entries[0] = map_entry(work_arena(w), l, h, s);
    if (entries == NULL || entries[0] == NULL)
        return work_no_memory(w);
    return reply_registry(w, entries, 1, "", as_of_seq, epoch);
}

/* The answer in words: why nothing can be procured for such a use at all, or under which condition.
 */
static const struct procurable_text *note_of(const pb_query *m)
{
    struct procurable_query q = {
        .list = (enum registry_list)m->list,
        .data_class = m->data_class,
        .level = (enum impact_level)m->level,
        .state = EFFECTIVE_REGISTERED,
        .business_matches = true,
    };
    return procurable_text_of(procurable(&q));
}

enum known { KNOWN_YES, KNOWN_NO, KNOWN_WAIT };

/* Is the business on the target list in force? An unknown code would be answered by an empty list,
 * which reads like "nothing may be procured". */
static enum known business_known(struct work *w, const char *code)
{
    const Ismap__Liu__V1__Active *active;
    const Ismap__Liu__V1__TargetList *list = NULL;
    if (code[0] == '\0')
        return KNOWN_YES;
    if (!work_get(w, RECORD_ACTIVE, "targets", (const void **)&active))
        return KNOWN_WAIT;
    if (active != NULL && !work_get(w, RECORD_TARGETS, active->ref, (const void **)&list))
        return KNOWN_WAIT;
    for (size_t i = 0; list != NULL && i < list->n_entries; i++)
        if (strcmp(list->entries[i]->code, code) == 0)
            return KNOWN_YES;
    return KNOWN_NO;
}

enum decide intake_query_procurable(struct work *w, void *service_state)
{
    (void)service_state;
    const pb_query *m = work_message(w);
    struct listings ls;
    enum known known = business_known(w, m->business);
    if (known == KNOWN_WAIT)
        return DECIDE_WAIT;
    if (known == KNOWN_NO)
        return work_refuse(w, STATUS(INVALID_ARGUMENT), "business", "P-UNKNOWN-BUSINESS",
                           "この対象業務は有効な対象業務一覧にありません。",
                           "This business is not on the target list in force.");
    if (!load(w, m->page, m->max, &ls))
        return DECIDE_WAIT;
    if (ls.holds == NULL)
        return DECIDE_DONE;
    size_t n;
    pb_entry **entries = entries_of(w, &ls, m, &n);
    Ismap__Liu__V1__Procurable *reply = arena_alloc(work_arena(w), sizeof *reply);
    if (entries == NULL || reply == NULL)
        return work_no_memory(w);
    const struct procurable_text *note = note_of(m);
    ismap__liu__v1__procurable__init(reply);
    reply->entries = entries;
    reply->n_entries = n;
    reply->next_page = lend(ls.page.next_page);
    reply->as_of_seq = ls.as_of_seq;
    reply->epoch = lend(ls.epoch);
    reply->note_ja = lend(note->ja);
    reply->note_en = lend(note->en);
    work_reply(w, &reply->base);
    return DECIDE_DONE;
}
