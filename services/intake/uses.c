/* Declared uses (利用の届出): a ministry says that it uses a service, and is told when it is
 * suspended. */
#include "services/intake/shell.h"

#include <string.h>

#include "base/date.h"

/* The users with this ministry among them; *changed when it was not. NULL: refused or no memory. */
static const pb_users *with_user(struct work *w, const pb_users *old, const char *number,
                                 bool *changed)
{
    const char *ministry = work_actor(w);
    size_t n = old == NULL ? 0 : old->n_ministries;
    for (size_t i = 0; i < n; i++)
        if (strcmp(old->ministries[i], ministry) == 0)
            return old;
    if (n >= INTAKE_USERS_MAX) {
        (void)work_refuse(w, STATUS(RESOURCE_EXHAUSTED), "number", "P-LIMIT",
                          "このサービスに届け出られる府省庁の数が上限に達しています。",
                          "as many ministries as can be kept use this service already");
        return NULL;
    }
    pb_users *users = arena_alloc(work_arena(w), sizeof *users);
    char **list = arena_alloc(work_arena(w), (n + 1) * sizeof *list);
    if (users == NULL || list == NULL) {
        (void)work_no_memory(w);
        return NULL;
    }
    ismap__liu__v1__service_users__init(users);
    users->number = lend(number);
    users->ministries = list;
    users->n_ministries = n + 1;
    if (n > 0)
        memcpy(list, old->ministries, n * sizeof *list);
    list[n] = lend(ministry);
    *changed = true;
    return users;
}

static enum decide record(struct work *w, const pb_listing *l, const pb_users *old_users)
{
    bool changed = false;
    const pb_users *users = with_user(w, old_users, l->number, &changed);
    if (users == NULL)
        return DECIDE_DONE;
    Ismap__Liu__V1__Use use;
    ismap__liu__v1__use__init(&use);
    use.id = lend(work_derive_id(w, "U"));
    use.number = l->number;
    use.ministry = lend(work_actor(w));
    use.declaration = (Ismap__Liu__V1__DeclareUse *)(uintptr_t)work_message(w);
    use.declared_at_ms = work_now_ms(w);
    Ismap__Liu__V1__UseDeclared *reply = arena_alloc(work_arena(w), sizeof *reply);
    if (reply == NULL)
        return work_no_memory(w);
    work_put(w, RECORD_USE, use.id, &use.base);
    if (changed)
        work_put(w, RECORD_USERS, l->number, &users->base);
    Ismap__Liu__V1__UseRecorded event;
    ismap__liu__v1__use_recorded__init(&event);
    event.number = l->number;
    event.ministry = use.ministry;
    event.use_id = use.id;
    const char *audience[] = {use.ministry, l->provider};
    work_emit(w, &event.base, audience, 2);
    ismap__liu__v1__use_declared__init(reply);
    reply->use_id = use.id;
    work_reply(w, &reply->base);
    return DECIDE_DONE;
}

enum decide intake_declare_use(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__DeclareUse *m = work_message(w);
    const pb_listing *l;
    const pb_hold *h;
    const pb_users *users;
    bool loaded = work_get(w, RECORD_LISTING, m->number, (const void **)&l);
    loaded &= work_get(w, RECORD_HOLD, m->number, (const void **)&h);
    loaded &= work_get(w, RECORD_USERS, m->number, (const void **)&users);
    if (!loaded)
        return DECIDE_WAIT;
    enum effective_state state =
        l == NULL ? EFFECTIVE_NOT_LISTED : map_effective(l, h, date_of_ms(work_now_ms(w)));
    if (!effective_is_public(state))
        return shell_not_found(w, "number"); /* an application is nobody's to know (R47) */
    struct procurable_query q = {
        .list = REGISTRY_ISMAP_LIU,
        .data_class = m->data_class,
        .level = (enum impact_level)m->level,
        .state = state,
        .business_matches = true, /* the ministry answers for its own use */
    };
    enum procurable_answer answer = procurable(&q);
    if (l == NULL || answer != PROCURABLE_YES) {
        const struct procurable_text *t = procurable_text_of(answer);
        const char *field = answer == PROCURABLE_CLASS   ? "dataClass"
                            : answer == PROCURABLE_LEVEL ? "level"
                                                         : "number";
        return work_refuse(w, STATUS(FAILED_PRECONDITION), field, t->rule, t->ja, t->en);
    }
    return record(w, l, users);
}
