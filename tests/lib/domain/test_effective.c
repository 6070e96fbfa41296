/* Every combination of listing, hold and date, and every reason against procuring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "domain/effective.h"

#define TODAY 20000

enum day { BEFORE, LAST_DAY, AFTER, UNKNOWN_DAY, DAYS };

static const int32_t valid_until[DAYS] = {
    [BEFORE] = TODAY + 1,
    [LAST_DAY] = TODAY,
    [AFTER] = TODAY - 1,
    [UNKNOWN_DAY] = EFFECTIVE_NO_DAY,
};

/* One letter a hold: unset, none, suspended, re-audit, unknown number.
 * - not listed, R registered, P pending, S suspended, E expired, C cancelled */
struct expectation {
    int listing;
    const char *by_day[DAYS];
};

static const struct expectation table[] = {
    {LISTING_NONE, {"-----", "-----", "-----", "-----"}},
    {LISTING_APPLIED, {"-----", "-----", "-----", "-----"}},
    {LISTING_REGISTERED, {"RRSSS", "RRSSS", "EEEEE", "EEEEE"}},
    {LISTING_REJECTED, {"-----", "-----", "-----", "-----"}},
    {LISTING_RENEWAL_PENDING, {"PPSSS", "PPSSS", "PPSSS", "PPSSS"}},
    {LISTING_EXPIRED, {"EEEEE", "EEEEE", "EEEEE", "EEEEE"}},
    {LISTING_CANCELLED, {"CCCCC", "CCCCC", "CCCCC", "CCCCC"}},
    {LISTING_WITHDRAWN, {"-----", "-----", "-----", "-----"}},
    {99, {"-----", "-----", "-----", "-----"}},
};

static const int holds[] = {HOLD_UNSET, HOLD_NONE, HOLD_SUSPENDED, HOLD_RE_AUDIT, 99};

static char letter(enum effective_state s)
{
    static const char letters[] = "?-RPSEC";
    return letters[s];
}

static void every_combination_has_its_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (size_t day = 0; day < DAYS; day++)
            for (size_t h = 0; h < sizeof holds / sizeof holds[0]; h++) {
                enum effective_state s =
                    effective_state_of((enum listing_state)table[i].listing,
                                       (enum hold_state)holds[h], valid_until[day], TODAY);
                char expected = table[i].by_day[day][h];
                if (letter(s) != expected)
                    fail_msg("listing %d hold %d day %zu: %c, expected %c", table[i].listing,
                             holds[h], day, letter(s), expected);
            }
}

static void only_registered_and_pending_are_valid_and_applications_are_not_public(void **state)
{
    (void)state;
    static const struct {
        enum effective_state s;
        bool valid;
        bool is_public;
    } rows[] = {
        {EFFECTIVE_UNSET, false, false},    {EFFECTIVE_NOT_LISTED, false, false},
        {EFFECTIVE_REGISTERED, true, true}, {EFFECTIVE_RENEWAL_PENDING, true, true},
        {EFFECTIVE_SUSPENDED, false, true}, {EFFECTIVE_EXPIRED, false, true},
        {EFFECTIVE_CANCELLED, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(effective_is_valid(rows[i].s), rows[i].valid);
        assert_int_equal(effective_is_public(rows[i].s), rows[i].is_public);
    }
}

/* The whole matrix: yes exactly for LIU, class 1 or 2, low, valid, matching. */
static void procurable_only_where_every_condition_holds(void **state)
{
    (void)state;
    size_t yes = 0;
    for (int list = 0; list <= 3; list++)
        for (uint32_t cls = 0; cls <= 4; cls++)
            for (int level = 0; level <= 4; level++)
                for (int s = 0; s <= 7; s++)
                    for (int match = 0; match <= 1; match++) {
                        struct procurable_query q = {(enum registry_list)list, cls,
                                                     (enum impact_level)level,
                                                     (enum effective_state)s, match != 0};
                        bool expected =
                            list == REGISTRY_ISMAP_LIU && (cls == 1 || cls == 2) &&
                            level == LEVEL_LOW &&
                            (s == EFFECTIVE_REGISTERED || s == EFFECTIVE_RENEWAL_PENDING) &&
                            match == 1;
                        assert_int_equal(procurable(&q) == PROCURABLE_YES, expected);
                        yes += expected ? 1 : 0;
                    }
    assert_int_equal(yes, 4);
}

static void the_first_reason_against_is_named(void **state)
{
    (void)state;
    static const struct {
        struct procurable_query q;
        enum procurable_answer a;
    } rows[] = {
        {{REGISTRY_ISMAP_LIU, 2, LEVEL_LOW, EFFECTIVE_RENEWAL_PENDING, true}, PROCURABLE_YES},
        {{REGISTRY_ISMAP, 2, LEVEL_LOW, EFFECTIVE_REGISTERED, true}, PROCURABLE_OTHER_LIST},
        {{REGISTRY_ISMAP_LIU, 3, LEVEL_LOW, EFFECTIVE_REGISTERED, true}, PROCURABLE_CLASS},
        {{REGISTRY_ISMAP_LIU, 0, LEVEL_LOW, EFFECTIVE_REGISTERED, true}, PROCURABLE_CLASS},
        {{REGISTRY_ISMAP_LIU, 2, LEVEL_MODERATE, EFFECTIVE_REGISTERED, true}, PROCURABLE_LEVEL},
        {{REGISTRY_ISMAP_LIU, 2, LEVEL_UNSET, EFFECTIVE_REGISTERED, true}, PROCURABLE_LEVEL},
        {{REGISTRY_ISMAP_LIU, 2, LEVEL_LOW, EFFECTIVE_NOT_LISTED, true}, PROCURABLE_NOT_LISTED},
        {{REGISTRY_ISMAP_LIU, 2, LEVEL_LOW, EFFECTIVE_SUSPENDED, true}, PROCURABLE_SUSPENDED},
        {{REGISTRY_ISMAP_LIU, 2, LEVEL_LOW, EFFECTIVE_EXPIRED, true}, PROCURABLE_EXPIRED},
        {{REGISTRY_ISMAP_LIU, 2, LEVEL_LOW, EFFECTIVE_CANCELLED, true}, PROCURABLE_CANCELLED},
        {{REGISTRY_ISMAP_LIU, 2, LEVEL_LOW, EFFECTIVE_REGISTERED, false},
         PROCURABLE_OTHER_BUSINESS},
        {{REGISTRY_ISMAP_LIU, 3, LEVEL_HIGH, EFFECTIVE_SUSPENDED, false}, PROCURABLE_CLASS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(procurable(&rows[i].q), rows[i].a);
}

static void an_empty_business_asks_for_any(void **state)
{
    (void)state;
    assert_true(procurable_business("", "TB-1"));
    assert_true(procurable_business("", ""));
    assert_true(procurable_business("TB-1", "TB-1"));
    assert_false(procurable_business("TB-1", "TB-2"));
    assert_false(procurable_business("TB-1", ""));
}

static bool has_japanese(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s >= 0x80)
            return true;
    return false;
}

static void every_reason_has_text_in_both_languages(void **state)
{
    (void)state;
    for (int a = 0; a < PROCURABLE_ANSWERS; a++) {
        const struct procurable_text *t = procurable_text_of((enum procurable_answer)a);
        assert_int_equal(t->rule[0], 'R');
        assert_true(strlen(t->ja) > 0 && text_is_utf8(t->ja, strlen(t->ja)));
        assert_true(has_japanese(t->ja));
        assert_true(strlen(t->en) > 0);
    }
    assert_non_null(procurable_text_of((enum procurable_answer)77));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_has_its_state),
        cmocka_unit_test(only_registered_and_pending_are_valid_and_applications_are_not_public),
        cmocka_unit_test(procurable_only_where_every_condition_holds),
        cmocka_unit_test(the_first_reason_against_is_named),
        cmocka_unit_test(an_empty_business_asks_for_any),
        cmocka_unit_test(every_reason_has_text_in_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
