/* See scene.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/date.h"
#include "services/audit/audit_record.h"
#include "services/audit/catalogue_load.h"
#include "services/audit/scene.h"

#define SHIPPED LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv"

static void make_plan(struct scene *s)
{
    struct catalogue *c = arena_alloc(&s->a, sizeof *c);
    struct plan_policy policy;
    struct audit_faults faults = {.n = 0};
    struct plan plan;
    assert_int_equal(audit_record_catalogue(&s->a, s->catalogue, c, &faults), ERR_OK);
    assert_int_equal(audit_record_policy(&s->a, &s->audit, &policy), ERR_OK);
    const struct plan_input in = {.catalogue = c, .policy = &policy, .first_year = YEAR};
    assert_int_equal(audit_plan_make(&s->a, &in, &plan, &faults), ERR_OK);
    const struct audit_record_about about = {.case_id = "case-1",
                                             .provider = "acme",
                                             .catalogue_version = "2022-04-01",
                                             .rulebook_hash = "f00d",
                                             .made_at_ms = NOW_MS,
                                             .first_year = YEAR};
    assert_int_equal(audit_record_plan(&s->a, &plan, &about, &s->plan), ERR_OK);
}

/* All that was planned for the year, as performed. */
static void fill_results(struct scene *s, Ismap__Liu__V1__AuditParty party)
{
    ismap__liu__v1__audit_results__init(&s->results);
    s->results.period_start = lend("2027-01-01");
    s->results.period_end = lend("2027-10-31");
    s->results.controls = s->control_list;
    for (size_t i = 0; i < s->plan->n_items; i++) {
        const Ismap__Liu__V1__PlanItem *item = s->plan->items[i];
        size_t n = s->results.n_controls;
        if (item->party != party || item->year != 1)
            continue;
        assert_true(n < WORDS_MAX);
        ismap__liu__v1__audited_control__init(&s->controls[n]);
        s->controls[n].control_id = item->control_id;
        s->controls[n].mode = ISMAP__LIU__V1__AUDIT_MODE__AUDIT_MODE_BOTH;
        s->control_list[n] = &s->controls[n];
        s->results.n_controls++;
    }
    assert_true(s->results.n_controls > 2);
}

void scene_begin(struct scene *s, Ismap__Liu__V1__AuditParty party)
{
    struct err_text why = {{0}};
    memset(s, 0, sizeof(*s));
    fake_begin(&s->w);
    s->w.now_ms = NOW_MS;
    arena_init(&s->a, 8u << 20);
    assert_int_equal(catalogue_load(&s->a, SHIPPED, NULL, &s->catalogue, NULL, NULL, &why), ERR_OK);
    ismap__liu__v1__audit_rules__init(&s->audit);
    s->audit.rotation_years = s->audit.internal_cycle_years = 3;
    s->audit.internal_all_tiers = s->audit.internal_sliding = 1;
    s->audit.hours_per_external_item = s->audit.hours_per_internal_item = 2;
    ismap__liu__v1__rulebook__init(&s->rules);
    s->rules.audit = &s->audit;
    s->w.rules = &s->rules;
    make_plan(s);
    fill_results(s, party);
    ismap__liu__v1__listing__init(&s->listing);
    s->listing.number = lend("N-1");
    s->listing.case_id = lend("case-1");
    s->listing.provider = lend("acme");
    s->listing.state = ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED;
    ismap__liu__v1__submit_audit_report__init(&s->external);
    ismap__liu__v1__submit_internal_report__init(&s->internal);
    s->external.case_id = s->internal.case_id = lend("case-1");
    s->external.year = s->internal.year = YEAR;
    s->external.results = s->internal.results = &s->results;
    s->internal.approved_by = lend("代表取締役");
    s->internal.approved_on = lend("2027-11-10");
    bool external = party == PARTY(EXTERNAL);
    s->w.message = external ? (void *)&s->external : (void *)&s->internal;
    s->w.role = external ? ROLE(AUDIT_BODY) : ROLE(PROVIDER);
    s->w.actor = external ? "minato" : "acme";
    fake_record(&s->w, RECORD_PLAN, "case-1", s->plan);
    fake_record(&s->w, RECORD_CATALOGUE, "2022-04-01", s->catalogue);
    fake_record(&s->w, RECORD_LISTING, "N-1", &s->listing);
}

void scene_end(struct scene *s)
{
    fake_end(&s->w);
    arena_fini(&s->a);
}

void scene_add_finding(struct scene *s)
{
    ismap__liu__v1__audit_finding__init(&s->finding);
    s->finding.finding_id = lend("F1");
    s->finding.control_id = s->controls[0].control_id;
    s->finding.severity = ISMAP__LIU__V1__FINDING_SEVERITY__FINDING_SEVERITY_MAJOR;
    s->finding.description = lend("権限の見直しが行われていない");
    s->findings[0] = &s->finding;
    s->results.findings = s->findings;
    s->results.n_findings = 1;
}

int64_t scene_day_ms(const char *text)
{
    int32_t day = 0;
    assert_int_equal(date_parse(text, &day), ERR_OK);
    return date_start_ms(day);
}
