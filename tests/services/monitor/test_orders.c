/* Operators' decisions, feeds, queries and clocks. R80, R82, R83, R86, R92 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "world.h"

static Ismap__Liu__V1__Status confirm(struct world *wd, const char *id, enum severity severity)
{
    Ismap__Liu__V1__ConfirmIncident m = ISMAP__LIU__V1__CONFIRM_INCIDENT__INIT;
    m.incident_id = TEXT(id);
    m.reason = TEXT("checked");
    m.severity = (Ismap__Liu__V1__Severity)severity;
    return world_send(wd, "op", OPERATOR, "main", confirm_incident, &m.base);
}

static Ismap__Liu__V1__Status lift(struct world *wd, const char *number, const char *decided_on)
{
    Ismap__Liu__V1__LiftSuspension m = ISMAP__LIU__V1__LIFT_SUSPENSION__INIT;
    m.number = TEXT(number);
    m.reason = TEXT("fixed");
    m.basis = TEXT("committee 12");
    m.decided_on = TEXT(decided_on);
    return world_send(wd, "op", OPERATOR, "main", lift_suspension, &m.base);
}

static Ismap__Liu__V1__Status order(struct world *wd, const char *number)
{
    Ismap__Liu__V1__SuspendService m = ISMAP__LIU__V1__SUSPEND_SERVICE__INIT;
    m.number = TEXT(number);
    m.reason = TEXT("press report");
    m.basis = TEXT("chair's decision");
    return world_send(wd, "op", OPERATOR, "main", suspend_service, &m.base);
}

static const pb_incident *answered(const struct world *wd)
{
    assert_non_null(wd->w.reply);
    assert_ptr_equal(wd->w.reply->descriptor, &ismap__liu__v1__incident_answer__descriptor);
    return ((const Ismap__Liu__V1__IncidentAnswer *)(const void *)wd->w.reply)->incident;
}

#define TODAY "2027-01-15"

static void a_suspension_is_confirmed_lifted_and_may_come_again(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    const char *id = incident_of(wd, 0)->id;
    assert_int_equal(confirm(wd, id, SEVERITY_UNSET), OK);
    assert_int_equal(answered(wd)->state, INCIDENT_CONFIRMED);
    assert_int_equal(fake_events(&wd->w, "SuspensionImposed"), 0); /* it was in force already */
    assert_int_equal(confirm(wd, id, SEVERITY_UNSET), STATUS(FAILED_PRECONDITION));
    assert_int_equal(lift(wd, "LIU-1", TODAY), OK);
    assert_false(suspended(wd, "LIU-1"));
    const struct fake_event *e = fake_event(&wd->w, "SuspensionLifted", 0);
    assert_non_null(e);
    assert_true(fake_told(e, "public") && fake_told(e, "csp-1") && fake_told(e, "mof") &&
                fake_told(e, "meti"));
    assert_string_equal(((const Ismap__Liu__V1__SuspensionLifted *)(const void *)e->payload)->basis,
                        "committee 12");
    assert_int_equal(answered(wd)->state, INCIDENT_LIFTED);
    assert_int_equal(answered(wd)->n_steps, 3);
    assert_int_equal(fake_due(&wd->w, TIMER_PRELIM, id), -1);
    assert_int_equal(fake_due(&wd->w, TIMER_FINAL, id), -1);
    const pb_hold *h = fake_load(&wd->w, RECORD_HOLD, "LIU-1");
    assert_int_equal(h->n_history, 2);
    assert_int_equal(lift(wd, "LIU-1", TODAY), STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&wd->w, "number", "R86"));
    /* what ended never opens again: a new incident */
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    assert_string_not_equal(incident_of(wd, 0)->id, id);
    h = fake_load(&wd->w, RECORD_HOLD, "LIU-1");
    assert_int_equal(h->n_history, 3);
}

static void lifting_needs_a_day_that_has_come(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    assert_int_equal(lift(wd, "LIU-1", "2027-01-16"), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&wd->w, "decidedOn", "R86"));
    assert_int_equal(lift(wd, "LIU-1", "2027-02-30"), STATUS(INVALID_ARGUMENT));
    assert_true(suspended(wd, "LIU-1"));
    assert_int_equal(lift(wd, "LIU-999", TODAY), STATUS(NOT_FOUND));
    assert_int_equal(lift(wd, "LIU-2", TODAY), STATUS(FAILED_PRECONDITION));
}

static void a_suspension_is_not_confirmed_with_a_lower_grade(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    assert_int_equal(confirm(wd, incident_of(wd, 0)->id, SEVERITY_HIGH),
                     STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&wd->w, "severity", "R86"));
    assert_true(suspended(wd, "LIU-1"));
}

static void confirming_what_the_brake_holds_suspends_at_once(void **state)
{
    struct world *wd = *state;
    world_rules(wd, 1, "PERSON_URGENT");
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    assert_int_equal(push_one(wd, "strong", GRAVE, "s2.example"), OK);
    assert_int_equal(verdict(wd, 0), V(HELD_BY_BRAKE));
    const char *id = incident_of(wd, 0)->id;
    assert_int_equal(confirm(wd, id, SEVERITY_UNSET), OK);
    assert_true(suspended(wd, "LIU-2"));
    assert_int_equal(fake_events(&wd->w, "SuspensionImposed"), 1);
    assert_int_equal(fake_due(&wd->w, TIMER_BRAKE, id), -1);
    assert_true(fake_due(&wd->w, TIMER_PRELIM, id) > 0);
    assert_false(answered(wd)->rings);
    const pb_brake *b = fake_load(&wd->w, RECORD_BRAKE, BRAKE_ID);
    assert_int_equal(b->held, 0);
    assert_int_equal(b->suspensions, 1); /* a person's decision is not counted */
}

static void a_held_one_answered_with_a_lower_grade_is_closed(void **state)
{
    struct world *wd = *state;
    world_rules(wd, 1, "PERSON_URGENT");
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    assert_int_equal(push_one(wd, "strong", GRAVE, "s2.example"), OK);
    const char *id = incident_of(wd, 0)->id;
    assert_int_equal(confirm(wd, id, SEVERITY_MODERATE), OK);
    assert_int_equal(answered(wd)->state, INCIDENT_CLOSED);
    assert_false(suspended(wd, "LIU-2"));
    fake_fire(&wd->w, TIMER_BRAKE, id, timer_brake, wd->mon); /* a clock that comes too late */
    assert_int_equal(wd->w.n_events, 0);
}

static void a_reported_one_confirmed_as_grave_suspends(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", GRAVE, "s3.example"), OK);
    assert_int_equal(confirm(wd, incident_of(wd, 0)->id, SEVERITY_UNSET), OK);
    assert_true(suspended(wd, "LIU-3"));
    assert_int_equal(answered(wd)->state, INCIDENT_CONFIRMED);
}

static void an_ungraded_one_needs_a_grade_and_may_then_suspend(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", UNSTATED, "s4.example"), OK);
    const char *id = incident_of(wd, 0)->id;
    assert_int_equal(confirm(wd, id, SEVERITY_UNSET), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&wd->w, "severity", "R82"));
    assert_int_equal(confirm(wd, id, SEVERITY_CRITICAL), OK);
    assert_true(suspended(wd, "LIU-4"));
    /* later alerts join the incident of the suspension */
    assert_int_equal(push_one(wd, "strong", GRAVE, "s4.example"), OK);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
    assert_string_equal(incident_of(wd, 0)->id, id);
    assert_int_equal(lift(wd, "LIU-4", TODAY), OK);
    assert_int_equal(answered(wd)->state, INCIDENT_LIFTED);
}

static void a_closed_incident_makes_room_for_the_next(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s5.example"), OK);
    const char *id = incident_of(wd, 0)->id;
    assert_int_equal(confirm(wd, id, SEVERITY_UNSET), OK);
    assert_int_equal(answered(wd)->state, INCIDENT_CLOSED);
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s5.example"), OK);
    assert_int_equal(verdict(wd, 0), V(INCIDENT));
    assert_string_not_equal(incident_of(wd, 0)->id, id);
}

static void a_book_that_lags_costs_a_look_and_no_second_incident(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s5.example"), OK);
    assert_int_equal(confirm(wd, incident_of(wd, 0)->id, SEVERITY_UNSET), OK);
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s5.example"), OK);
    const char *second = incident_of(wd, 0)->id;
    /* a monitor that has seen none of it */
    void *late = NULL;
    assert_int_equal(monitor_create(NULL, &late, NULL), ERR_OK);
    monitor_listing_changed(late, "LIU-5", 1, fake_load(&wd->w, RECORD_LISTING, "LIU-5"));
    struct monitor *kept = wd->mon;
    wd->mon = late;
    assert_int_equal(push_one(wd, "other", SERIOUS, "s5.example"), OK);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
    assert_string_equal(incident_of(wd, 0)->id, second);
    wd->mon = kept;
    monitor_destroy(late);
}

static void an_order_suspends_and_joins_the_open_incident(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s6.example"), OK);
    const char *id = incident_of(wd, 0)->id;
    assert_int_equal(order(wd, "LIU-6"), OK);
    assert_true(suspended(wd, "LIU-6"));
    assert_string_equal(answered(wd)->id, id);
    assert_int_equal(answered(wd)->state, INCIDENT_CONFIRMED);
    assert_int_equal(fake_events(&wd->w, "IncidentOpened"), 0);
    assert_int_equal(order(wd, "LIU-6"), STATUS(FAILED_PRECONDITION));
    assert_int_equal(order(wd, "LIU-7"), OK);
    assert_int_equal(fake_events(&wd->w, "IncidentOpened"), 1);
    assert_int_equal(fake_events(&wd->w, "SuspensionImposed"), 1);
    assert_int_equal(order(wd, "LIU-90"), STATUS(FAILED_PRECONDITION));
    assert_int_equal(order(wd, "LIU-999"), STATUS(NOT_FOUND));
}

static void reports_that_are_due_ring_unless_the_incident_has_ended(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    const char *id = incident_of(wd, 0)->id;
    fake_fire(&wd->w, TIMER_PRELIM, id, timer_report, wd->mon);
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 1);
    fake_fire(&wd->w, TIMER_FINAL, id, timer_final, wd->mon);
    assert_string_equal(
        ((const pb_alarm *)(const void *)fake_event(&wd->w, "AlarmRang", 0)->payload)->kind,
        "FINAL_DUE");
    assert_int_equal(lift(wd, "LIU-1", TODAY), OK);
    fake_fire(&wd->w, TIMER_FINAL, id, timer_final, wd->mon);
    assert_int_equal(wd->w.n_events, 0);
}

static void the_tables_name_the_clock_of_each_timer(void **state)
{
    (void)state;
    for (size_t i = 0; i < monitor_service.n_timers; i++) {
        const struct timer_row *t = &monitor_service.timers[i];
        work_fn *want = strcmp(t->kind, TIMER_BRAKE) == 0    ? timer_brake
                        : strcmp(t->kind, TIMER_PRELIM) == 0 ? timer_report
                        : strcmp(t->kind, TIMER_FINAL) == 0  ? timer_final
                                                             : timer_watch;
        assert_true(t->decide == want);
    }
    assert_int_equal(monitor_service.n_timers, 4);
}

/* ---- feeds */

static void feeds_are_added_replaced_and_revoked(void **state)
{
    struct world *wd = *state;
    Ismap__Liu__V1__AddFeed add = ISMAP__LIU__V1__ADD_FEED__INIT;
    pb_feed f = ISMAP__LIU__V1__FEED__INIT;
    char *all[] = {TEXT("*"), TEXT("LIU-1")};
    f.id = TEXT("fresh");
    f.operator_body = TEXT("ipa");
    f.speaks_for = all;
    f.n_speaks_for = 2;
    f.heartbeat_s = 30;
    add.feed = &f;
    char id[RECORD_KEY_ID_BYTES];
    char *curves[] = {TEXT("0123456789012345678901234567890123456789")};
    Ismap__Liu__V1__PartyKeys keys = ISMAP__LIU__V1__PARTY_KEYS__INIT;
    Ismap__Liu__V1__KeyHolder holder = ISMAP__LIU__V1__KEY_HOLDER__INIT;
    keys.curve = curves;
    keys.n_curve = 1;
    f.keys = &keys;
    assert_int_equal(record_key_id(curves[0], id), ERR_OK);
    holder.holder = TEXT("p:acme");
    fake_store(&wd->w, RECORD_KEY, id, &holder.base);
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", add_feed, &add.base),
                     STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&wd->w, "feed.keys.curve[0]", "P-KEY-TAKEN"));
    holder.holder = TEXT("");
    fake_store(&wd->w, RECORD_KEY, id, &holder.base);
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", add_feed, &add.base),
                     STATUS(INVALID_ARGUMENT));
    f.n_speaks_for = 1;
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", add_feed, &add.base), OK);
    const struct fake_event *e = fake_event(&wd->w, "PartyChanged", 0);
    assert_non_null(e);
    assert_int_equal(e->n_audience, 0);
    assert_true(((const Ismap__Liu__V1__PartyChanged *)(const void *)e->payload)->feed);
    assert_int_equal(fake_due(&wd->w, TIMER_WATCH, "fresh"), wd->w.now_ms + 30000);
    const pb_feed *stored = fake_load(&wd->w, RECORD_FEED, "fresh");
    assert_string_equal(stored->changed_by, "op");
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", add_feed, &add.base),
                     STATUS(ALREADY_EXISTS));
    add.replace = true;
    f.heartbeat_s = 0;
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", add_feed, &add.base), OK);
    assert_int_equal(fake_due(&wd->w, TIMER_WATCH, "fresh"), -1);
    assert_int_equal(push_one(wd, "fresh", LIMITED, "s1.example"), OK);
    Ismap__Liu__V1__RevokeFeed revoke = ISMAP__LIU__V1__REVOKE_FEED__INIT;
    revoke.id = TEXT("fresh");
    revoke.reason = TEXT("key lost");
    const Ismap__Liu__V1__KeyHolder *held = fake_load(&wd->w, RECORD_KEY, id);
    assert_string_equal(held->holder, "f:fresh");
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", revoke_feed, &revoke.base), OK);
    held = fake_load(&wd->w, RECORD_KEY, id);
    assert_string_equal(held->holder, ""); /* given back */
    assert_int_equal(push_one(wd, "fresh", GRAVE, "s1.example"), STATUS(PERMISSION_DENIED));
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", revoke_feed, &revoke.base),
                     STATUS(FAILED_PRECONDITION));
    revoke.id = TEXT("nobody");
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", revoke_feed, &revoke.base),
                     STATUS(NOT_FOUND));
    Ismap__Liu__V1__ListFeeds list = ISMAP__LIU__V1__LIST_FEEDS__INIT;
    list.max = 100;
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", list_feeds, &list.base), OK);
    assert_int_equal(((const Ismap__Liu__V1__FeedList *)(const void *)wd->w.reply)->n_feeds, 5);
}

/* ---- queries */

static size_t listed(struct world *wd, const char *actor, Ismap__Liu__V1__Role role, bool open_only)
{
    Ismap__Liu__V1__ListIncidents m = ISMAP__LIU__V1__LIST_INCIDENTS__INIT;
    m.open_only = open_only;
    assert_int_equal(world_send(wd, actor, role, "main", list_incidents, &m.base), OK);
    return ((const Ismap__Liu__V1__IncidentList *)(const void *)wd->w.reply)->n_incidents;
}

static void a_provider_sees_its_own_incidents_and_not_who_reported(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    const char *id = incident_of(wd, 0)->id;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s2.example"), OK);
    assert_int_equal(push_one(wd, "strong", GRAVE, "nowhere.example"), OK);
    assert_int_equal(listed(wd, "op", OPERATOR, false), 3);
    assert_int_equal(listed(wd, "csp-1", PROVIDER, false), 1);
    assert_int_equal(listed(wd, "csp-3", PROVIDER, false), 0);
    assert_int_equal(lift(wd, "LIU-1", TODAY), OK);
    assert_int_equal(listed(wd, "op", OPERATOR, true), 2);
    Ismap__Liu__V1__GetIncident m = ISMAP__LIU__V1__GET_INCIDENT__INIT;
    m.incident_id = TEXT(id);
    assert_int_equal(world_send(wd, "csp-1", PROVIDER, "main", get_incident, &m.base), OK);
    assert_string_equal(answered(wd)->sources[0]->feed, "");
    assert_string_equal(answered(wd)->sources[0]->operator_body, "");
    assert_string_equal(answered(wd)->steps[0]->by, "");
    assert_int_equal(world_send(wd, "csp-2", PROVIDER, "main", get_incident, &m.base),
                     STATUS(NOT_FOUND));
    assert_int_equal(world_send(wd, "op", OPERATOR, "main", get_incident, &m.base), OK);
    assert_string_equal(answered(wd)->sources[0]->feed, "strong");
}

/* ---- ids */

static void incident_ids_are_taken_apart_as_they_were_made(void **state)
{
    (void)state;
    char topic[BOOK_TOPIC_BYTES + 1];
    char again[BOOK_TOPIC_BYTES];
    uint32_t n;
    assert_true(incident_topic(TOPIC_LISTING, "", "LIU-1", 0, topic));
    assert_int_equal(strlen(topic), BOOK_TOPIC_BYTES);
    assert_true(incident_id_read("inc-0123456789ABCDEF-17", again, &n));
    assert_int_equal(n, 17);
    assert_memory_equal(again, "0123456789ABCDEF", BOOK_TOPIC_BYTES);
    assert_false(incident_id_read("inc-0123456789ABCDEF-", again, &n));
    assert_false(incident_id_read("inc-0123456789ABCDEF-x", again, &n));
    assert_false(incident_id_read("inc-0123456789ABCDE-17", again, &n));
    assert_false(incident_id_read("", again, &n));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_suspension_is_confirmed_lifted_and_may_come_again),
        IN_WORLD(lifting_needs_a_day_that_has_come),
        IN_WORLD(a_suspension_is_not_confirmed_with_a_lower_grade),
        IN_WORLD(confirming_what_the_brake_holds_suspends_at_once),
        IN_WORLD(a_held_one_answered_with_a_lower_grade_is_closed),
        IN_WORLD(a_reported_one_confirmed_as_grave_suspends),
        IN_WORLD(an_ungraded_one_needs_a_grade_and_may_then_suspend),
        IN_WORLD(a_closed_incident_makes_room_for_the_next),
        IN_WORLD(a_book_that_lags_costs_a_look_and_no_second_incident),
        IN_WORLD(an_order_suspends_and_joins_the_open_incident),
        IN_WORLD(reports_that_are_due_ring_unless_the_incident_has_ended),
        cmocka_unit_test(the_tables_name_the_clock_of_each_timer),
        IN_WORLD(feeds_are_added_replaced_and_revoked),
        IN_WORLD(a_provider_sees_its_own_incidents_and_not_who_reported),
        cmocka_unit_test(incident_ids_are_taken_apart_as_they_were_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
