/* The public list, what may be procured, and declared uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/date.h"
#include "build.h"

static struct work w;
static const char *number;

static void list_in_force(void)
{
    Ismap__Liu__V1__Active active;
    Ismap__Liu__V1__TargetList list;
    Ismap__Liu__V1__TargetBusiness businesses[2];
    Ismap__Liu__V1__TargetBusiness *entries[] = {&businesses[0], &businesses[1]};
    ismap__liu__v1__active__init(&active);
    ismap__liu__v1__target_list__init(&list);
    ismap__liu__v1__target_business__init(&businesses[0]);
    ismap__liu__v1__target_business__init(&businesses[1]);
    businesses[0].code = lend("TB-1");
    businesses[1].code = lend("TB-2");
    list.version = 1;
    list.entries = entries;
    list.n_entries = 2;
    active.ref = lend("1");
    active.version = 1;
    fake_store(&w, RECORD_TARGETS, "1", &list.base);
    fake_store(&w, RECORD_ACTIVE, "targets", &active.base);
}

static int setup(void **state)
{
    (void)state;
    fake_init(&w, "intake", 1718000000000);
    number = registered(&w);
    list_in_force();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_fini(&w);
    return 0;
}

static const Ismap__Liu__V1__Registry *registry(void)
{
    Ismap__Liu__V1__ListRegistry m;
    ismap__liu__v1__list_registry__init(&m);
    assert_int_equal(fake_send(&w, "reader", ROLE(OBSERVER), intake_list_registry, NULL, &m.base),
                     STATUS(OK));
    return (const Ismap__Liu__V1__Registry *)w.reply;
}

static const Ismap__Liu__V1__Procurable *query(int list, const char *business, uint32_t cls,
                                               int level)
{
    Ismap__Liu__V1__QueryProcurable m;
    ismap__liu__v1__query_procurable__init(&m);
    m.list = (Ismap__Liu__V1__RegistryList)list;
    m.business = lend(business);
    m.data_class = cls;
    m.level = (Ismap__Liu__V1__ImpactLevel)level;
    assert_int_equal(fake_send(&w, "mof", ROLE(MINISTRY), intake_query_procurable, NULL, &m.base),
                     STATUS(OK));
    return (const Ismap__Liu__V1__Procurable *)w.reply;
}

static void a_business_that_is_not_on_the_list_is_told_so(void **state)
{
    (void)state;
    Ismap__Liu__V1__QueryProcurable m;
    ismap__liu__v1__query_procurable__init(&m);
    m.list = (Ismap__Liu__V1__RegistryList)REGISTRY_ISMAP_LIU;
    m.business = lend("NOPE");
    m.data_class = 2;
    m.level = ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_LOW;
    assert_int_equal(fake_send(&w, "mof", ROLE(MINISTRY), intake_query_procurable, NULL, &m.base),
                     STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "business", "P-UNKNOWN-BUSINESS"));
}

static Ismap__Liu__V1__Status use_as(const char *ministry, uint32_t cls, int level)
{
    Ismap__Liu__V1__DeclareUse m;
    ismap__liu__v1__declare_use__init(&m);
    m.number = lend(number);
    m.business = lend("TB-1");
    m.data_class = cls;
    m.level = (Ismap__Liu__V1__ImpactLevel)level;
    return fake_send(&w, ministry, ROLE(MINISTRY), intake_declare_use, NULL, &m.base);
}

static void set_listing_state(enum listing_state s)
{
    pb_listing *l = (pb_listing *)(uintptr_t)fake_load(&w, RECORD_LISTING, number);
    l->state = (Ismap__Liu__V1__ListingState)s;
    fake_store(&w, RECORD_LISTING, number, &l->base);
}

static void the_list_shows_the_public_fields_as_of_a_place_in_the_journal(void **state)
{
    (void)state;
    const Ismap__Liu__V1__Registry *r = registry();
    assert_int_equal(r->as_of_seq, 42);
    assert_string_equal(r->epoch, "epoch-1");
    assert_int_equal(r->n_entries, 1);
    const pb_entry *e = r->entries[0];
    assert_string_equal(e->number, number);
    assert_string_equal(e->provider, "csp");
    assert_string_equal(e->service_name, SERVICE_NAME);
    assert_int_equal(e->state, ISMAP__LIU__V1__EFFECTIVE_STATE__EFFECTIVE_STATE_REGISTERED);
    assert_string_equal(e->valid_until, "2025-07-31");
    assert_string_equal(e->scope, "web conference, Tokyo region");
    assert_string_equal(e->business, "TB-1");
    assert_int_equal(e->suspended_since_ms, 0);
}

static void applications_and_rejections_are_not_public(void **state)
{
    (void)state;
    static const enum listing_state hidden[] = {LISTING_APPLIED, LISTING_REJECTED,
                                                LISTING_WITHDRAWN};
    Ismap__Liu__V1__GetRegistryEntry get;
    ismap__liu__v1__get_registry_entry__init(&get);
    get.number = lend(number);
    for (size_t i = 0; i < 3; i++) {
        set_listing_state(hidden[i]);
        assert_int_equal(registry()->n_entries, 0);
        assert_int_equal(
            fake_send(&w, "ipa", ROLE(OPERATOR), intake_get_registry_entry, NULL, &get.base),
            STATUS(NOT_FOUND));
        assert_int_equal(use_as("mof", 2, LEVEL_LOW), STATUS(NOT_FOUND));
    }
    set_listing_state(LISTING_CANCELLED); /* history stays visible */
    assert_int_equal(registry()->n_entries, 1);
    assert_int_equal(
        fake_send(&w, "ipa", ROLE(OPERATOR), intake_get_registry_entry, NULL, &get.base),
        STATUS(OK));
    get.number = lend("LIU-NONE");
    assert_int_equal(
        fake_send(&w, "ipa", ROLE(OPERATOR), intake_get_registry_entry, NULL, &get.base),
        STATUS(NOT_FOUND));
}

static void a_suspended_service_is_shown_suspended_and_never_procurable(void **state)
{
    (void)state;
    assert_int_equal(query(REGISTRY_ISMAP_LIU, "", 2, LEVEL_LOW)->n_entries, 1);
    hold(&w, number, HOLD_SUSPENDED);
    const pb_entry *e = registry()->entries[0];
    assert_int_equal(e->state, ISMAP__LIU__V1__EFFECTIVE_STATE__EFFECTIVE_STATE_SUSPENDED);
    assert_int_equal(e->suspended_since_ms, w.now_ms);
    assert_int_equal(query(REGISTRY_ISMAP_LIU, "", 2, LEVEL_LOW)->n_entries, 0);
    assert_int_equal(use_as("mof", 2, LEVEL_LOW), STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&w, "number", "R83"));
    Ismap__Liu__V1__GetRegistryEntry get;
    ismap__liu__v1__get_registry_entry__init(&get);
    get.number = lend(number);
    assert_int_equal(
        fake_send(&w, "x", ROLE(AUDIT_BODY), intake_get_registry_entry, NULL, &get.base),
        STATUS(OK));
    assert_int_equal(((const Ismap__Liu__V1__Registry *)w.reply)->entries[0]->state,
                     ISMAP__LIU__V1__EFFECTIVE_STATE__EFFECTIVE_STATE_SUSPENDED);

    hold(&w, number, HOLD_NONE);
    assert_int_equal(query(REGISTRY_ISMAP_LIU, "", 2, LEVEL_LOW)->n_entries, 1);
}

static void an_expired_service_is_not_procurable_and_a_pending_one_is(void **state)
{
    (void)state;
    int32_t last;
    assert_int_equal(date_parse("2025-07-31", &last), ERR_OK);
    w.now_ms = date_start_ms(last);
    assert_int_equal(query(REGISTRY_ISMAP_LIU, "TB-1", 2, LEVEL_LOW)->n_entries, 1);
    w.now_ms = date_start_ms(last + 1);
    assert_int_equal(query(REGISTRY_ISMAP_LIU, "TB-1", 2, LEVEL_LOW)->n_entries, 0);
    assert_int_equal(use_as("mof", 2, LEVEL_LOW), STATUS(FAILED_PRECONDITION));
    set_listing_state(LISTING_RENEWAL_PENDING);
    assert_int_equal(query(REGISTRY_ISMAP_LIU, "TB-1", 2, LEVEL_LOW)->n_entries, 1);
    assert_int_equal(use_as("mof", 2, LEVEL_LOW), STATUS(OK));
}

static void only_low_uses_up_to_class_two_are_answered_and_the_note_says_why(void **state)
{
    (void)state;
    static const struct {
        int list;
        const char *business;
        uint32_t cls;
        int level;
        size_t n;
        enum procurable_answer note;
    } rows[] = {
        {REGISTRY_ISMAP_LIU, "TB-1", 1, LEVEL_LOW, 1, PROCURABLE_YES},
        {REGISTRY_ISMAP_LIU, "TB-2", 2, LEVEL_LOW, 0, PROCURABLE_YES},
        {REGISTRY_ISMAP_LIU, "", 3, LEVEL_LOW, 0, PROCURABLE_CLASS},
        {REGISTRY_ISMAP_LIU, "", 2, LEVEL_MODERATE, 0, PROCURABLE_LEVEL},
        {REGISTRY_ISMAP, "", 2, LEVEL_LOW, 0, PROCURABLE_OTHER_LIST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const Ismap__Liu__V1__Procurable *p =
            query(rows[i].list, rows[i].business, rows[i].cls, rows[i].level);
        assert_int_equal(p->n_entries, rows[i].n);
        assert_string_equal(p->note_en, procurable_text_of(rows[i].note)->en);
        assert_string_equal(p->note_ja, procurable_text_of(rows[i].note)->ja);
        assert_int_equal(p->as_of_seq, 42);
    }
}

static void a_use_is_recorded_and_its_ministry_counted_once(void **state)
{
    (void)state;
    assert_int_equal(use_as("mof", 2, LEVEL_LOW), STATUS(OK));
    const char *first = ((const Ismap__Liu__V1__UseDeclared *)w.reply)->use_id;
    const Ismap__Liu__V1__Use *use = fake_load(&w, RECORD_USE, first);
    assert_string_equal(use->ministry, "mof");
    assert_int_equal(use->declaration->data_class, 2);
    assert_string_equal(w.events[0].type, "UseRecorded");
    assert_int_equal(w.events[0].n_audience, 2);
    assert_true(fake_told(&w.events[0], "mof") && fake_told(&w.events[0], "csp"));
    assert_int_equal(use_as("mof", 1, LEVEL_LOW), STATUS(OK));
    assert_int_equal(use_as("meti", 1, LEVEL_LOW), STATUS(OK));
    const pb_users *users = fake_load(&w, RECORD_USERS, number);
    assert_int_equal(users->n_ministries, 2);
    assert_string_equal(users->ministries[0], "mof");
    assert_string_equal(users->ministries[1], "meti");
}

static void a_use_that_is_not_low_or_above_class_two_is_refused_with_the_reason(void **state)
{
    (void)state;
    assert_int_equal(use_as("mof", 3, LEVEL_LOW), STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&w, "dataClass", "R88"));
    assert_int_equal(use_as("mof", 2, LEVEL_HIGH), STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&w, "level", "R88"));
}

static void no_more_ministries_than_can_be_told_are_taken(void **state)
{
    (void)state;
    char *names[INTAKE_USERS_MAX];
    for (size_t i = 0; i < INTAKE_USERS_MAX; i++)
        names[i] = arena_printf(&w.arena, "m-%zu", i);
    pb_users users;
    ismap__liu__v1__service_users__init(&users);
    users.number = lend(number);
    users.ministries = names;
    users.n_ministries = INTAKE_USERS_MAX;
    fake_store(&w, RECORD_USERS, number, &users.base);
    assert_int_equal(use_as("mof", 2, LEVEL_LOW), STATUS(RESOURCE_EXHAUSTED));
    assert_int_equal(use_as("m-7", 2, LEVEL_LOW), STATUS(OK));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_business_that_is_not_on_the_list_is_told_so),
        TEST(the_list_shows_the_public_fields_as_of_a_place_in_the_journal),
        TEST(applications_and_rejections_are_not_public),
        TEST(a_suspended_service_is_shown_suspended_and_never_procurable),
        TEST(an_expired_service_is_not_procurable_and_a_pending_one_is),
        TEST(only_low_uses_up_to_class_two_are_answered_and_the_note_says_why),
        TEST(a_use_is_recorded_and_its_ministry_counted_once),
        TEST(a_use_that_is_not_low_or_above_class_two_is_refused_with_the_reason),
        TEST(no_more_ministries_than_can_be_told_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
