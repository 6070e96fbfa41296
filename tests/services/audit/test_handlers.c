/* What the audit service does with a verdict, a timer and a question, on the shipped catalogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "crypto/crypto.h"
#include "services/audit/audit.h"
#include "services/audit/audit_record.h"
#include "services/audit/catalogue_load.h"
#include "services/audit/fake_work.h"
#include "wire/unpack.h"

#define SHIPPED LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv"
#define ELIGIBLE ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE
#define NOT_ELIGIBLE ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_NOT_ELIGIBLE
#define PLAN(m) ((const Ismap__Liu__V1__AuditPlan *)(const void *)(m))

static char case_id[] = "case-1";
static char provider[] = "csp-a";
static char other[] = "csp-b";
static char version[] = "2022-04-01";

struct scene {
    struct work w;
    struct arena a;
    Ismap__Liu__V1__Catalogue *catalogue;
    Ismap__Liu__V1__Active active;
    Ismap__Liu__V1__AuditRules audit;
    Ismap__Liu__V1__ImportantControl important[2];
    Ismap__Liu__V1__ImportantControl *important_list[2];
    Ismap__Liu__V1__Rulebook rules;
    Ismap__Liu__V1__VerdictChanged verdict;
};

static char first_id[] = "9.2.1.6.PB";
static char second_id[] = "12.6.1.18.PB";

static void scene_begin(struct scene *s)
{
    struct err_text why = {{0}};
    memset(s, 0, sizeof(*s));
    fake_begin(&s->w);
    arena_init(&s->a, 4u << 20);
    assert_int_equal(catalogue_load(&s->a, SHIPPED, NULL, &s->catalogue, NULL, NULL, &why), ERR_OK);
    ismap__liu__v1__active__init(&s->active);
    s->active.ref = version;
    ismap__liu__v1__audit_rules__init(&s->audit);
    s->audit.rotation_years = 3;
    s->audit.internal_cycle_years = 3;
    s->audit.internal_all_tiers = 1;
    s->audit.hours_per_external_item = 4;
    s->audit.hours_per_internal_item = 2;
    for (size_t i = 0; i < 2; i++) {
        ismap__liu__v1__important_control__init(&s->important[i]);
        s->important[i].id = i == 0 ? first_id : second_id;
        s->important[i].annual = i == 0;
        s->important_list[i] = &s->important[i];
    }
    s->audit.important = s->important_list;
    s->audit.n_important = 2;
    ismap__liu__v1__rulebook__init(&s->rules);
    s->rules.audit = &s->audit;
    s->w.rules = &s->rules;
    ismap__liu__v1__verdict_changed__init(&s->verdict);
    s->verdict.case_id = case_id;
    s->verdict.provider = provider;
    s->verdict.result = ELIGIBLE;
    s->w.message = &s->verdict;
    fake_record(&s->w, RECORD_ACTIVE, "catalogue", &s->active);
    fake_record(&s->w, RECORD_CATALOGUE, version, s->catalogue);
}

static void scene_end(struct scene *s)
{
    fake_end(&s->w);
    arena_fini(&s->a);
}

static work_fn *on_verdict(void)
{
    return audit_service.consumers[0].decide;
}

static void an_eligible_verdict_leads_to_one_plan(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    assert_int_equal(fake_run(&s.w, on_verdict()), 3);
    assert_int_equal(s.w.n_puts, 2);
    assert_non_null(fake_put(&s.w, RECORD_STANDING));
    assert_int_equal(s.w.put_kind, RECORD_PLAN);
    assert_string_equal(s.w.put_id, case_id);
    const Ismap__Liu__V1__AuditPlan *plan = PLAN(s.w.put);
    assert_string_equal(plan->provider, provider);
    assert_string_equal(plan->catalogue_version, version);
    assert_string_equal(plan->rulebook_hash, "f00d");
    assert_int_equal(plan->made_at_ms, s.w.now_ms);
    assert_int_equal(plan->years, 3);
    assert_int_equal(plan->n_loads, 3);
    assert_int_equal(plan->n_items, 3 * 82 + 3 + 1 + 147); /* R62, annual, rotating, objectives */
    assert_int_equal(plan->loads[0]->external_hours, 4 * plan->loads[0]->external_items);
    assert_int_equal(s.w.n_events, 1);
    assert_string_equal(s.w.audience, provider);
    assert_null(s.w.timer_kind);
    scene_end(&s);
}

static void the_hash_is_over_the_plan_without_it(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    (void)fake_run(&s.w, on_verdict());
    Ismap__Liu__V1__AuditPlan bare = *PLAN(s.w.put);
    assert_int_equal(bare.plan_hash.len, SHA256_BYTES);
    bare.plan_hash.len = 0;
    const uint8_t *packed;
    size_t bytes;
    uint8_t hash[SHA256_BYTES];
    assert_int_equal(wire_pack(&s.a, &bare.base, &packed, &bytes), ERR_OK);
    struct crypto_part part = {packed, bytes};
    assert_int_equal(crypto_sha256(&part, 1, hash), ERR_OK);
    assert_memory_equal(hash, PLAN(s.w.put)->plan_hash.data, SHA256_BYTES);
    const Ismap__Liu__V1__PlanMade *made = (const void *)s.w.event;
    assert_memory_equal(hash, made->plan_hash.data, SHA256_BYTES);
    assert_true(bytes < 64 * 1024);
    scene_end(&s);
}

static void other_verdicts_lead_to_none(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.verdict.result = NOT_ELIGIBLE;
    assert_int_equal(fake_run(&s.w, on_verdict()), 1);
    assert_int_equal(s.w.n_puts, 0);
    s.verdict.result = ELIGIBLE;
    Ismap__Liu__V1__AuditPlan there;
    ismap__liu__v1__audit_plan__init(&there);
    fake_record(&s.w, RECORD_PLAN, case_id, &there);
    (void)fake_run(&s.w, on_verdict());
    assert_int_equal(s.w.n_puts, 0);
    assert_null(s.w.timer_kind);
    scene_end(&s);
}

static void lose_catalogue(struct scene *s)
{
    s->w.records[0].message = NULL;
}
static void lose_items(struct scene *s)
{
    s->w.records[1].message = NULL;
}
static void lose_rules(struct scene *s)
{
    s->w.rules = NULL;
}
static void lose_audit_rules(struct scene *s)
{
    s->rules.audit = NULL;
}
static void unknown_important(struct scene *s)
{
    s->important[1].id = case_id;
}
static void bad_flags(struct scene *s)
{
    s->catalogue->items[5]->provider_specific = 1;
}

static void what_cannot_be_planned_yet_is_tried_again(void **state)
{
    (void)state;
    static void (*const rows[])(struct scene *) = {lose_catalogue,   lose_items,        lose_rules,
                                                   lose_audit_rules, unknown_important, bad_flags};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        scene_begin(&s);
        rows[i](&s);
        (void)fake_run(&s.w, on_verdict());
        assert_int_equal(s.w.n_puts, 0);
        assert_int_equal(s.w.n_events, 0);
        assert_string_equal(s.w.timer_kind, audit_service.timers[0].kind);
        assert_int_equal(s.w.timer_due_ms, s.w.now_ms + AUDIT_RETRY_MS);
        scene_end(&s);
    }
}

static void the_timer_plans_only_what_is_still_eligible(void **state)
{
    (void)state;
    static const Ismap__Liu__V1__VerdictResult rows[] = {ELIGIBLE, NOT_ELIGIBLE};
    for (size_t i = 0; i < 2; i++) {
        struct scene s;
        scene_begin(&s);
        Ismap__Liu__V1__Verdict v;
        Ismap__Liu__V1__Judgment j;
        ismap__liu__v1__verdict__init(&v);
        ismap__liu__v1__judgment__init(&j);
        v.result = rows[i];
        j.verdict = &v;
        j.provider = provider;
        s.w.message = NULL;
        s.w.timer_record = case_id;
        fake_record(&s.w, RECORD_JUDGMENT, case_id, &j);
        (void)fake_run(&s.w, audit_service.timers[0].decide);
        assert_int_equal(fake_put(&s.w, RECORD_PLAN) != NULL, rows[i] == ELIGIBLE);
        if (rows[i] == ELIGIBLE)
            assert_string_equal(PLAN(s.w.put)->provider, provider);
        scene_end(&s);
    }
}

static void a_plan_is_seen_by_those_it_concerns(void **state)
{
    (void)state;
    static const struct {
        Ismap__Liu__V1__Role role;
        char *who;
        bool there;
        bool seen;
    } rows[] = {
        {ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, other, true, true},
        {ISMAP__LIU__V1__ROLE__ROLE_AUDIT_BODY, other, true, true},
        {ISMAP__LIU__V1__ROLE__ROLE_PROVIDER, provider, true, true},
        {ISMAP__LIU__V1__ROLE__ROLE_PROVIDER, other, true, false},
        {ISMAP__LIU__V1__ROLE__ROLE_MINISTRY, provider, true, false},
        {ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, other, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        scene_begin(&s);
        Ismap__Liu__V1__AuditPlan plan;
        Ismap__Liu__V1__GetPlan ask;
        ismap__liu__v1__audit_plan__init(&plan);
        ismap__liu__v1__get_plan__init(&ask);
        plan.provider = provider;
        ask.case_id = case_id;
        s.w.message = &ask;
        s.w.actor = rows[i].who;
        s.w.role = rows[i].role;
        fake_record(&s.w, RECORD_PLAN, case_id, rows[i].there ? &plan : NULL);
        (void)fake_run(&s.w, audit_service.rows[0].decide);
        assert_int_equal(s.w.reply != NULL, rows[i].seen);
        assert_int_equal(s.w.status, rows[i].seen ? ISMAP__LIU__V1__STATUS__STATUS_OK
                                                  : ISMAP__LIU__V1__STATUS__STATUS_NOT_FOUND);
        scene_end(&s);
    }
}

static void out_of_memory_is_a_passing_fault(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.w.arena.budget_bytes = 20000;
    (void)fake_run(&s.w, on_verdict());
    assert_true(s.w.no_memory);
    assert_int_equal(s.w.n_puts, 0);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_eligible_verdict_leads_to_one_plan),
        cmocka_unit_test(the_hash_is_over_the_plan_without_it),
        cmocka_unit_test(other_verdicts_lead_to_none),
        cmocka_unit_test(what_cannot_be_planned_yet_is_tried_again),
        cmocka_unit_test(the_timer_plans_only_what_is_still_eligible),
        cmocka_unit_test(a_plan_is_seen_by_those_it_concerns),
        cmocka_unit_test(out_of_memory_is_a_passing_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
