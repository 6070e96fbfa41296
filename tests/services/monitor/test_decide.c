/* What follows from an alert: authority, corroboration, open incidents, the brake. R82, R83, R92 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/monitor/core/decide.h"

#define COUNT(x) (sizeof(x) / sizeof(x)[0])
#define NOW 1000000

static const struct decide_rules rules = {.top = SEVERITY_CRITICAL,
                                          .incident_from = SEVERITY_HIGH,
                                          .corroborating_operators = 2,
                                          .corroboration_window_ms = 10000,
                                          .brake_suspensions = 3,
                                          .brake_window_ms = 60000};
static const char *const all[] = {"*"};
static const char *const only_l1[] = {"L-1"};
static const struct decide_feed strong = {"jpcert", all, 1, SEVERITY_CRITICAL};
static const struct decide_feed weak = {"vendor", all, 1, SEVERITY_HIGH};
static const struct decide_feed narrow = {"agency", only_l1, 1, SEVERITY_CRITICAL};

static const struct decide_source other_just_now[] = {{"agency", SEVERITY_CRITICAL, NOW - 10000}};
static const struct decide_source other_too_old[] = {{"agency", SEVERITY_CRITICAL, NOW - 10001}};
static const struct decide_source same_operator[] = {{"vendor", SEVERITY_CRITICAL, NOW - 1},
                                                     {"vendor", SEVERITY_CRITICAL, NOW - 2}};
static const struct decide_source milder[] = {{"agency", SEVERITY_HIGH, NOW - 1}};
static const struct decide_source without_say[] = {{"agency", SEVERITY_UNSET, NOW - 1}};
static const struct decide_source nameless[] = {{"", SEVERITY_CRITICAL, NOW - 1}};

#define CRITICAL_OF(n) .severity = SEVERITY_CRITICAL, .match = MATCH_DOMAIN, .number = n
#define OPEN(state_, sev) .incident = INCIDENT_##state_, .incident_severity = SEVERITY_##sev
#define FROM(list) .sources = list, .n_sources = COUNT(list)

struct row {
    const char *fact;
    const struct decide_feed *feed;
    struct decide_facts facts;
    enum outcome outcome;
    enum reason reason;
    bool rings;
};

static const struct row table[] = {
    {"below the incident grade is counted",
     &strong,
     {.severity = SEVERITY_MODERATE},
     OUTCOME_COUNT,
     REASON_BELOW,
     false},
    {"high and matched is for a person",
     &strong,
     {.severity = SEVERITY_HIGH, .match = MATCH_ALIAS, .number = "L-1", .registered = true},
     OUTCOME_INCIDENT,
     REASON_FOR_PERSON,
     false},
    {"high again joins the open one",
     &strong,
     {.severity = SEVERITY_HIGH,
      .match = MATCH_ALIAS,
      .number = "L-1",
      .registered = true,
      OPEN(REPORTED, HIGH)},
     OUTCOME_JOIN,
     REASON_FOR_PERSON,
     false},
    {"ungraded rings and never suspends",
     &strong,
     {.match = MATCH_NUMBER, .number = "L-1", .registered = true},
     OUTCOME_INCIDENT,
     REASON_UNGRADED,
     true},
    {"ungraded again joins silently",
     &strong,
     {.match = MATCH_NUMBER, .number = "L-1", .registered = true, OPEN(REPORTED, UNSET)},
     OUTCOME_JOIN,
     REASON_UNGRADED,
     false},
    {"critical without a listing rings",
     &strong,
     {.severity = SEVERITY_CRITICAL},
     OUTCOME_INCIDENT,
     REASON_UNMATCHED,
     true},
    {"high without a listing does not ring",
     &strong,
     {.severity = SEVERITY_HIGH},
     OUTCOME_INCIDENT,
     REASON_UNMATCHED,
     false},
    {"critical and unclear rings, does not suspend",
     &strong,
     {.severity = SEVERITY_CRITICAL, .match = MATCH_UNCLEAR},
     OUTCOME_INCIDENT,
     REASON_UNCLEAR,
     true},
    {"critical of a strong feed suspends",
     &strong,
     {CRITICAL_OF("L-1"), .registered = true},
     OUTCOME_SUSPEND,
     REASON_ALONE,
     false},
    {"also when a milder incident is open",
     &strong,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, HIGH)},
     OUTCOME_SUSPEND,
     REASON_ALONE,
     false},
    {"not twice",
     &strong,
     {CRITICAL_OF("L-1"), .registered = true, .suspended = true, OPEN(SUSPENDED, CRITICAL)},
     OUTCOME_JOIN,
     REASON_ALREADY_SUSPENDED,
     false},
    {"not when it is not registered",
     &strong,
     {CRITICAL_OF("L-1")},
     OUTCOME_INCIDENT,
     REASON_NOT_REGISTERED,
     true},
    {"a feed speaks for its own listings",
     &narrow,
     {CRITICAL_OF("L-1"), .registered = true},
     OUTCOME_SUSPEND,
     REASON_ALONE,
     false},
    {"and for no other",
     &narrow,
     {CRITICAL_OF("L-2"), .registered = true},
     OUTCOME_INCIDENT,
     REASON_NO_SAY,
     true},
    {"a weak feed alone rings",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true},
     OUTCOME_INCIDENT,
     REASON_NOT_ALONE,
     true},
    {"a weak feed raises a milder incident and rings",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, HIGH)},
     OUTCOME_INCIDENT,
     REASON_NOT_ALONE,
     true},
    {"once told, it joins",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, CRITICAL)},
     OUTCOME_JOIN,
     REASON_NOT_ALONE,
     false},
    {"two independent operators suspend",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, CRITICAL), FROM(other_just_now)},
     OUTCOME_SUSPEND,
     REASON_CORROBORATED,
     false},
    {"not when the other is too long ago",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, CRITICAL), FROM(other_too_old)},
     OUTCOME_JOIN,
     REASON_NOT_ALONE,
     false},
    {"not when both are one operator's",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, CRITICAL), FROM(same_operator)},
     OUTCOME_JOIN,
     REASON_NOT_ALONE,
     false},
    {"not when the other was milder",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, CRITICAL), FROM(milder)},
     OUTCOME_JOIN,
     REASON_NOT_ALONE,
     false},
    {"not when the other had no say",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, CRITICAL), FROM(without_say)},
     OUTCOME_JOIN,
     REASON_NOT_ALONE,
     false},
    {"nobody's feed is not independent",
     &weak,
     {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, CRITICAL), FROM(nameless)},
     OUTCOME_JOIN,
     REASON_NOT_ALONE,
     false},
};

static void each_alert_gets_its_outcome(void **state)
{
    (void)state;
    const struct brake brake = {0};
    for (size_t i = 0; i < COUNT(table); i++) {
        struct decision d = decide_alert(&rules, table[i].feed, &table[i].facts, &brake, NOW);
        if (d.outcome != table[i].outcome || d.reason != table[i].reason ||
            d.rings != table[i].rings)
            fail_msg("%s: outcome %d reason %s rings %d", table[i].fact, (int)d.outcome,
                     reason_text_of(d.reason)->kind, d.rings);
    }
}

static void corroboration_can_be_switched_off(void **state)
{
    (void)state;
    struct decide_rules off = rules;
    const struct brake brake = {0};
    const struct decide_facts f = {CRITICAL_OF("L-1"), .registered = true, OPEN(REPORTED, CRITICAL),
                                   FROM(other_just_now)};
    off.corroborating_operators = 0;
    assert_int_equal(decide_alert(&off, &weak, &f, &brake, NOW).outcome, OUTCOME_JOIN);
}

static void a_full_brake_holds_back_and_rings_once(void **state)
{
    (void)state;
    const struct brake full = {.window_start_ms = NOW - 59999, .suspensions = 3};
    struct decide_facts f = {CRITICAL_OF("L-1"), .registered = true};
    struct decision d = decide_alert(&rules, &strong, &f, &full, NOW);
    assert_int_equal(d.outcome, OUTCOME_HELD);
    assert_true(d.rings);
    assert_string_equal(reason_text_of(d.reason)->rule, "R92");
    f.incident = INCIDENT_HELD;
    f.incident_severity = SEVERITY_CRITICAL;
    d = decide_alert(&rules, &strong, &f, &full, NOW);
    assert_int_equal(d.outcome, OUTCOME_JOIN);
    assert_false(d.rings);
    d = decide_alert(&rules, &strong, &f, &full, NOW + 1);
    assert_int_equal(d.outcome, OUTCOME_SUSPEND);
}

static uint32_t rng = 7;

static uint32_t next_random(uint32_t below)
{
    rng = rng * 1664525u + 1013904223u;
    return (rng >> 8) % below;
}

/* From the first of a window until the window is over, never more than the limit; and never a hold
 * while there is room. */
static void the_brake_never_lets_more_through_than_its_count(void **state)
{
    (void)state;
    for (uint32_t limit = 1; limit < 6; limit++) {
        struct decide_rules r = rules;
        struct brake b = {0};
        int64_t now = NOW;
        int64_t start = 0;
        uint32_t in_window = 0;
        r.brake_suspensions = limit;
        for (int i = 0; i < 20000; i++) {
            now += next_random(20) == 0 ? -(int64_t)next_random(50) : (int64_t)next_random(30000);
            bool over = in_window == 0 || (now >= start && now - start >= r.brake_window_ms);
            bool want = over || in_window < limit;
            assert_int_equal(brake_allows(&b, &r, now), want);
            if (!want)
                continue;
            brake_count(&b, &r, now);
            if (over) {
                start = now;
                in_window = 0;
            }
            in_window++;
            assert_true(in_window <= limit);
            assert_int_equal(b.suspensions, in_window);
        }
    }
}

static void without_a_limit_there_is_no_brake(void **state)
{
    (void)state;
    struct decide_rules r = rules;
    const struct brake b = {.window_start_ms = NOW, .suspensions = 1000000};
    r.brake_suspensions = 0;
    assert_true(brake_allows(&b, &r, NOW));
}

static void every_reason_speaks_both_languages_and_cites_a_rule(void **state)
{
    (void)state;
    for (int r = 0; r < REASONS; r++) {
        const struct reason_text *t = reason_text_of((enum reason)r);
        assert_true(t->kind != NULL && t->kind[0] != '\0');
        assert_true(t->rule != NULL && t->rule[0] == 'R');
        assert_true(t->ja != NULL && ((unsigned char)t->ja[0] & 0x80) != 0);
        assert_true(t->en != NULL && strlen(t->en) > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alert_gets_its_outcome),
        cmocka_unit_test(corroboration_can_be_switched_off),
        cmocka_unit_test(a_full_brake_holds_back_and_rings_once),
        cmocka_unit_test(the_brake_never_lets_more_through_than_its_count),
        cmocka_unit_test(without_a_limit_there_is_no_brake),
        cmocka_unit_test(every_reason_speaks_both_languages_and_cites_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
