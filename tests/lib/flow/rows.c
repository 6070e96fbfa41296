/* Messages and events that count in cases. */
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "ismap/liu/v1/alert.pb-c.h"

#define TYPE(x) &ismap__liu__v1__##x##__descriptor

static void put_touched(struct work *w, const char *id, const Ismap__Liu__V1__Case *old)
{
    Ismap__Liu__V1__Case *c = arena_alloc(work_arena(w), sizeof *c);
    if (c == NULL)
        return;
    ismap__liu__v1__case__init(c);
    c->id = (char *)(uintptr_t)id;
    c->evidence_version = old == NULL ? 1 : old->evidence_version + 1;
    work_put(w, RECORD_CASE, id, &c->base);
}

static void emit(struct work *w, const char *id)
{
    Ismap__Liu__V1__PartyChanged e;
    ismap__liu__v1__party_changed__init(&e);
    e.id = (char *)(uintptr_t)id;
    work_emit(w, &e.base, NULL, 0);
}

static enum decide put_party(struct work *w, const char *id)
{
    Ismap__Liu__V1__Party p;
    const void *old;
    if (!work_get(w, RECORD_PARTY, id, &old))
        return DECIDE_WAIT;
    ismap__liu__v1__party__init(&p);
    p.id = (char *)(uintptr_t)id;
    work_put(w, RECORD_PARTY, id, &p.base);
    return DECIDE_DONE;
}

bool rows_mended;

static enum decide touch(struct work *w, const char *id)
{
    const Ismap__Liu__V1__Case *c;
    if (strcmp(id, PARTY_ID) == 0)
        return put_party(w, id);
    if (!work_get(w, RECORD_CASE, id, (const void **)&c))
        return DECIDE_WAIT;
    const void *sender;
    if (strcmp(id, SENDER_READ_ID) == 0 && !work_get(w, RECORD_PARTY, work_actor(w), &sender))
        return DECIDE_WAIT;
    if (strcmp(id, REFUSED_ID) == 0 && !rows_mended)
        return work_refuse(w, FLOW_STATUS(FAILED_PRECONDITION), "id", "T-NO", "不可", "no");
    put_touched(w, id, c);
    emit(w, id);
    return DECIDE_DONE;
}

bool rows_short = true;

static enum decide nothing_found(struct work *w)
{
    (void)work_refuse(w, FLOW_STATUS(INVALID_ARGUMENT), "id", "T-NONE", "無い", "none");
    work_arena(w)->no_memory = true;
    return work_no_memory(w);
}

static enum decide on_touch(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__RevokeParty *m = work_message(w);
    return strcmp(m->id, SHORT_ID) == 0 ? nothing_found(w) : touch(w, m->id);
}

static enum decide on_signed(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__RevokeFeed *m = work_message(w);
    return touch(w, m->id);
}

static enum decide on_serial(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ListFeeds *m = work_message(w);
    return touch(w, m->page);
}

static enum decide on_two(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ListParties *m = work_message(w);
    const Ismap__Liu__V1__Case *a = NULL, *b = NULL;
    char *first = arena_strdup(work_arena(w), m->page);
    if (first == NULL || strchr(first, '-') == NULL)
        return work_no_memory(w);
    char *second = strchr(first, '-');
    *second++ = '\0';
    bool loaded = m->max == 1 || work_get(w, RECORD_CASE, first, (const void **)&a);
    if (m->max != 1)
        loaded &= work_get(w, RECORD_CASE, second, (const void **)&b);
    if (!loaded)
        return DECIDE_WAIT;
    put_touched(w, first, a);
    put_touched(w, second, b);
    emit(w, first);
    return DECIDE_DONE;
}

/* Writes unless the case has been touched `max` times already. */
static enum decide on_urgent(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ListIncidents *m = work_message(w);
    const Ismap__Liu__V1__Case *c;
    if (m->open_only && !work_views_current(w))
        return DECIDE_WAIT;
    if (!work_get(w, RECORD_CASE, m->page, (const void **)&c))
        return DECIDE_WAIT;
    if (c != NULL && c->evidence_version >= m->max)
        return work_refuse(w, FLOW_STATUS(FAILED_PRECONDITION), "id", "T-ENOUGH", "十分", "enough");
    put_touched(w, m->page, c);
    emit(w, m->page);
    return DECIDE_DONE;
}

static enum decide on_query(struct work *w, void *state)
{
    (void)state;
    Ismap__Liu__V1__PartyChanged e;
    ismap__liu__v1__party_changed__init(&e);
    work_reply(w, &e.base);
    return DECIDE_DONE;
}

/* Is answered whether there is such a case. */
static enum decide on_look(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__GetCase *m = work_message(w);
    const Ismap__Liu__V1__Case *c;
    if (!work_get(w, RECORD_CASE, m->case_id, (const void **)&c))
        return DECIDE_WAIT;
    return c == NULL ? work_refuse(w, FLOW_STATUS(NOT_FOUND), "id", "T-NONE", "無い", "none")
                     : on_query(w, state);
}

static enum decide on_event(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__PartyChanged *m = work_message(w);
    return rows_short && strcmp(m->id, SHORT_ID) == 0 ? nothing_found(w) : touch(w, m->id);
}

static enum decide on_timer(struct work *w, void *state)
{
    (void)state;
    return touch(w, work_timer_record(w));
}

/* Longer than a turn's part, once its case is there. */
static enum decide on_slow(struct work *w, void *state)
{
    (void)state;
    enum decide d = touch(w, work_timer_record(w));
    if (d == DECIDE_DONE)
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return d;
}

static const struct timer_row timer_rows[] = {{"touch", on_timer}, {"slow", on_slow}};

static const struct dispatch_row rows[] = {
    {TYPE(revoke_party), ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_OPERATOR), ROW_CHANGES, 0, NULL,
     on_touch},
    {TYPE(revoke_feed), ROLES_ALL, ROW_CHANGES | ROW_SIGNED, 0, NULL, on_signed},
    {TYPE(list_feeds), ROLES_ALL, ROW_CHANGES | ROW_SERIAL, 0, NULL, on_serial},
    {TYPE(list_parties), ROLES_ALL, ROW_CHANGES | ROW_NEW_CASE, 0, NULL, on_two},
    {TYPE(list_incidents), ROLES_ALL, ROW_CHANGES | ROW_NO_RECEIPT | ROW_URGENT, 0, NULL,
     on_urgent},
    {TYPE(list_cases), ROLES_ALL, ROW_NOISE, 64, NULL, on_query},
    {TYPE(get_case), ROLES_ALL, 0, 0, NULL, on_look},
};

static const struct view_row views[] = {{RECORD_CASE, NULL, true}};

static const struct consumer_row consumers[] = {{TYPE(party_changed), on_event}};

const struct service rows_service = {
    .name = "intake",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .consumers = consumers,
    .n_consumers = 1,
    .timers = timer_rows,
    .n_timers = sizeof timer_rows / sizeof timer_rows[0],
    .views = views,
    .n_views = 1,
};

void send_touch(const char *id, const struct fake_how *how)
{
    Ismap__Liu__V1__RevokeParty m = ISMAP__LIU__V1__REVOKE_PARTY__INIT;
    m.id = (char *)(uintptr_t)id;
    m.reason = (char *)(uintptr_t) "test";
    fake_message(&m.base, how);
}

void send_signed(const char *id, const struct fake_how *how)
{
    Ismap__Liu__V1__RevokeFeed m = ISMAP__LIU__V1__REVOKE_FEED__INIT;
    m.id = (char *)(uintptr_t)id;
    m.reason = (char *)(uintptr_t) "test";
    fake_message(&m.base, how);
}

void send_two(const char *ids, bool blind, const struct fake_how *how)
{
    Ismap__Liu__V1__ListParties m = ISMAP__LIU__V1__LIST_PARTIES__INIT;
    m.page = (char *)(uintptr_t)ids;
    m.max = blind ? 1 : 2;
    fake_message(&m.base, how);
}

void send_serial(const char *id, const struct fake_how *how)
{
    Ismap__Liu__V1__ListFeeds m = ISMAP__LIU__V1__LIST_FEEDS__INIT;
    m.page = (char *)(uintptr_t)id;
    fake_message(&m.base, how);
}

void send_urgent(const char *id, unsigned most, const struct fake_how *how)
{
    Ismap__Liu__V1__ListIncidents m = ISMAP__LIU__V1__LIST_INCIDENTS__INIT;
    m.page = (char *)(uintptr_t)id;
    m.max = most;
    fake_message(&m.base, how);
}

void send_current(const char *id)
{
    Ismap__Liu__V1__ListIncidents m = ISMAP__LIU__V1__LIST_INCIDENTS__INIT;
    m.page = (char *)(uintptr_t)id;
    m.max = 99;
    m.open_only = true;
    fake_message(&m.base, NULL);
}

void send_query(const struct fake_how *how)
{
    Ismap__Liu__V1__ListCases m = ISMAP__LIU__V1__LIST_CASES__INIT;
    fake_message(&m.base, how);
}

void send_look(const char *id)
{
    Ismap__Liu__V1__GetCase m = ISMAP__LIU__V1__GET_CASE__INIT;
    m.case_id = (char *)(uintptr_t)id;
    fake_message(&m.base, NULL);
}

unsigned touched(const char *id)
{
    struct arena a;
    arena_init(&a, 65536);
    const Ismap__Liu__V1__Case *c = fake_load(&a, RECORD_CASE, id);
    unsigned n = c == NULL ? 0 : c->evidence_version;
    arena_fini(&a);
    return n;
}
