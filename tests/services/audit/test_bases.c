/* Base services: while one has lapsed, whoever inherits from it audits the controls itself. R70 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/bases.h"
#include "services/audit/scene.h"

#define HOLD(x) ISMAP__LIU__V1__HOLD_STATE__HOLD_STATE_##x

struct story {
    struct scene s;
    Ismap__Liu__V1__StateAuditScope m;
    Ismap__Liu__V1__PlanInherited inherited;
    Ismap__Liu__V1__PlanInherited *list[1];
    Ismap__Liu__V1__Listing base;
    Ismap__Liu__V1__Hold hold;
    Ismap__Liu__V1__SuspensionImposed imposed;
    Ismap__Liu__V1__Active active;
};

static void begin(struct story *t)
{
    scene_begin(&t->s, PARTY(INTERNAL));
    ismap__liu__v1__state_audit_scope__init(&t->m);
    ismap__liu__v1__plan_inherited__init(&t->inherited);
    t->inherited.control_id = lend("11.1.1");
    t->inherited.base_number = lend("N-2");
    t->list[0] = &t->inherited;
    t->m.case_id = lend("case-1");
    t->m.inherited = t->list;
    t->m.n_inherited = 1;
    ismap__liu__v1__listing__init(&t->base);
    t->base.number = lend("N-2");
    t->base.case_id = lend("case-2"); /* has no plan here */
    t->base.provider = lend("blossom");
    t->base.state = ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED;
    t->base.valid_until = lend("2028-12-31");
    ismap__liu__v1__hold__init(&t->hold);
    t->hold.number = lend("N-2");
    t->hold.state = HOLD(NONE);
    t->hold.since_ms = NOW_MS;
    ismap__liu__v1__suspension_imposed__init(&t->imposed);
    t->imposed.number = lend("N-2");
    t->imposed.incident_id = lend("inc-2");
    t->imposed.at_ms = NOW_MS;
    ismap__liu__v1__active__init(&t->active);
    t->active.ref = lend("2022-04-01");
    t->s.w.role = ROLE(PROVIDER);
    t->s.w.actor = "acme";
    fake_record(&t->s.w, RECORD_ACTIVE, "catalogue", &t->active);
    fake_record(&t->s.w, RECORD_LISTING, "N-2", &t->base);
    fake_record(&t->s.w, RECORD_HOLD, "N-2", &t->hold);
    fake_record(&t->s.w, RECORD_AUDIT_BASE, "N-2", NULL);
}

/* The next work, on what the last one left. */
static void next(struct story *t, const void *message, const char *timer, work_fn *fn)
{
    struct work *w = &t->s.w;
    static const enum record_kind kinds[] = {RECORD_AUDIT_SCOPE, RECORD_STANDING, RECORD_PLAN,
                                             RECORD_AUDIT_BASE};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (size_t i = 0; i < w->n_records; i++)
            if (w->records[i].kind == kinds[k] && strcmp(w->records[i].id, "case-2") != 0 &&
                fake_put(w, kinds[k]) != NULL)
                w->records[i].message = fake_put(w, kinds[k]);
    w->n_puts = w->n_events = w->n_faults = 0;
    w->status = STATUS(OK);
    w->timer_kind = NULL;
    w->message = message;
    w->timer_record = timer;
    (void)fake_run(w, fn);
}

/* The internal item of the inherited objective; NULL = not planned. */
static const Ismap__Liu__V1__PlanItem *planned(const pb_plan *p)
{
    for (size_t i = 0; i < p->n_items; i++)
        if (p->items[i]->party == PARTY(INTERNAL) && strcmp(p->items[i]->control_id, "11.1.1") == 0)
            return p->items[i];
    return NULL;
}

/* Suspended or back: the walk of the base, then the case. */
static const pb_plan *base_moves(struct story *t, Ismap__Liu__V1__HoldState to)
{
    t->hold.state = to;
    next(t, &t->imposed, NULL, audit_on_suspension);
    assert_string_equal(t->s.w.timer_kind, TIMER_BASES);
    next(t, NULL, "N-2", audit_on_bases);
    assert_string_equal(t->s.w.timer_kind, TIMER_BASE);
    const Ismap__Liu__V1__AuditBase *b = fake_put(&t->s.w, RECORD_AUDIT_BASE);
    assert_false(b->walking);
    next(t, NULL, "N-2/case-1", audit_on_base);
    assert_non_null(fake_put(&t->s.w, RECORD_PLAN));
    return fake_put(&t->s.w, RECORD_PLAN);
}

static void inherited_controls_are_ones_own_while_the_base_has_lapsed(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    next(&t, &t.m, NULL, audit_state_scope);
    assert_int_equal(t.s.w.status, STATUS(OK));
    const Ismap__Liu__V1__AuditBase *b = fake_put(&t.s.w, RECORD_AUDIT_BASE);
    assert_int_equal(b->n_dependents, 1);
    assert_string_equal(b->dependents[0], "case-1");
    assert_non_null(planned(t.s.plan));
    next(&t, NULL, "case-1", audit_on_replan);
    assert_non_null(fake_put(&t.s.w, RECORD_PLAN));
    assert_null(planned(fake_put(&t.s.w, RECORD_PLAN)));

    const pb_plan *own = base_moves(&t, HOLD(SUSPENDED));
    assert_int_equal(planned(own)->year, 1);
    assert_int_equal(planned(own)->cause, ISMAP__LIU__V1__PLAN_CAUSE__PLAN_CAUSE_BASE_LAPSED);
    assert_string_equal(planned(own)->cause_ref, "N-2");
    const pb_standing *st = fake_put(&t.s.w, RECORD_STANDING);
    assert_int_equal(st->problems[0]->kind, PROBLEM(BASE));
    assert_int_equal(st->problems[0]->resolved_at_ms, 0);
    assert_string_equal(st->problems[0]->controls[0], "11.1.1");
    const Ismap__Liu__V1__PlanRevision *r = fake_put(&t.s.w, RECORD_PLAN_REVISION);
    assert_int_equal(r->reasons[0]->cause, CAUSE(BASE));

    assert_null(planned(base_moves(&t, HOLD(NONE))));
    st = fake_put(&t.s.w, RECORD_STANDING);
    assert_int_not_equal(st->problems[0]->resolved_at_ms, 0);
    scene_end(&t.s);
}

static void whoever_states_otherwise_is_no_longer_a_dependent(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    next(&t, &t.m, NULL, audit_state_scope);
    t.m.n_inherited = 0;
    next(&t, &t.m, NULL, audit_state_scope);
    const Ismap__Liu__V1__AuditBase *b = fake_put(&t.s.w, RECORD_AUDIT_BASE);
    assert_int_equal(b->n_dependents, 0);
    next(&t, &t.imposed, NULL, audit_on_suspension);
    assert_int_equal(t.s.w.n_puts, 0);
    scene_end(&t.s);
}

static void a_base_stands_or_not_as_the_registry_says(void **state)
{
    (void)state;
    static const struct {
        const char *number;
        Ismap__Liu__V1__ListingState state;
        Ismap__Liu__V1__HoldState hold;
        const char *until;
        int32_t lapsed;
    } rows[] = {
        {"N-2", 2, HOLD(NONE), "2028-12-31", 0},
        {"N-2", 2, HOLD(SUSPENDED), "2028-12-31", YEAR},
        {"N-2", 2, HOLD(RE_AUDIT), "2028-12-31", YEAR},
        {"N-2", 4, HOLD(NONE), "2026-12-31", 0}, /* renewal pending */
        {"N-2", 5, HOLD(NONE), "2026-12-30", YEAR - 1},
        {"N-2", 2, HOLD(NONE), "2026-12-31", YEAR},
        {"N-2", 1, HOLD(NONE), "", YEAR},
        {"C20-0001", 2, HOLD(NONE), "", 0}, /* of another list */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct story t;
        bool memory = false;
        begin(&t);
        t.inherited.base_number = lend(rows[i].number);
        t.base.state = rows[i].state;
        t.base.valid_until = lend(rows[i].until);
        t.hold.state = rows[i].hold;
        pb_scope *s = scope_edit(&t.s.a, NULL, "case-1", "acme");
        const pb_scope *applied = s;
        s->inherited = t.list;
        s->n_inherited = 1;
        while (!bases_apply(&t.s.w, &applied, &memory))
            applied = s;
        assert_true(memory);
        assert_int_equal(applied->inherited[0]->lapsed_year, rows[i].lapsed);
        scene_end(&t.s);
    }
}

static void what_cannot_be_inherited_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *control;
        const char *base;
        const char *fault;
    } rows[] = {{"11.1.1", "N-1", "inherited[0].baseNumber R70"}, /* itself */
                {"99.1.1", "N-2", "inherited[0].controlId R60"},
                {"4.5.1.1", "N-2", "inherited[0].controlId R70"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct story t;
        begin(&t);
        pb_standing *st = standing_edit(&t.s.a, NULL, "case-1", "acme");
        st->number = lend("N-1");
        fake_record(&t.s.w, RECORD_STANDING, "case-1", st);
        t.inherited.control_id = lend(rows[i].control);
        t.inherited.base_number = lend(rows[i].base);
        next(&t, &t.m, NULL, audit_state_scope);
        assert_int_equal(t.s.w.status, STATUS(INVALID_ARGUMENT));
        assert_true(fake_fault(&t.s.w, rows[i].fault));
        scene_end(&t.s);
    }
}

/* N-2 inherits from N-3, and N-3 what the row says. */
static void a_circle_in_which_nobody_audits_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *control, *base;
        bool refused;
    } rows[] = {{"11.1.1", "N-1", true},   /* and so back to the service itself */
                {"11.2.1", "N-1", false},  /* another control may go the other way */
                {"11.1.1", "N-2", false},  /* theirs alone: it was there before */
                {"11.1.1", "X-9", false}}; /* not of this registry */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct story t;
        begin(&t);
        pb_standing *st = standing_edit(&t.s.a, NULL, "case-1", "acme");
        pb_scope *two = scope_edit(&t.s.a, NULL, "case-2", "blossom");
        pb_scope *three = scope_edit(&t.s.a, NULL, "case-3", "cedar");
        Ismap__Liu__V1__PlanInherited down = t.inherited;
        Ismap__Liu__V1__PlanInherited back = t.inherited;
        Ismap__Liu__V1__PlanInherited *lists[] = {&down, &back};
        Ismap__Liu__V1__Listing third = t.base;
        st->number = lend("N-1");
        third.number = lend("N-3");
        third.case_id = lend("case-3");
        down.base_number = lend("N-3");
        back.control_id = lend(rows[i].control);
        back.base_number = lend(rows[i].base);
        two->inherited = &lists[0];
        three->inherited = &lists[1];
        two->n_inherited = three->n_inherited = 1;
        fake_record(&t.s.w, RECORD_STANDING, "case-1", st);
        fake_record(&t.s.w, RECORD_LISTING, "N-3", &third);
        fake_record(&t.s.w, RECORD_AUDIT_SCOPE, "case-2", two);
        fake_record(&t.s.w, RECORD_AUDIT_SCOPE, "case-3", three);
        next(&t, &t.m, NULL, audit_state_scope);
        assert_int_equal(fake_fault(&t.s.w, "inherited[0].baseNumber R70"), rows[i].refused);
        assert_int_equal(t.s.w.status, rows[i].refused ? STATUS(INVALID_ARGUMENT) : STATUS(OK));
        scene_end(&t.s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inherited_controls_are_ones_own_while_the_base_has_lapsed),
        cmocka_unit_test(whoever_states_otherwise_is_no_longer_a_dependent),
        cmocka_unit_test(a_base_stands_or_not_as_the_registry_says),
        cmocka_unit_test(what_cannot_be_inherited_is_refused),
        cmocka_unit_test(a_circle_in_which_nobody_audits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
