/* OSCAL catalogues: what is read, what is refused and where, and that plans over them hold. NIST's
 * catalogue is used when LIU_OSCAL_NIST names it (SP 800-53 revision 5, version 1.0.0 of the
 * content); the test says when it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/audit/catalogue_oscal.h"
#include "services/audit/core/plan.h"

#define SAMPLE LIU_SOURCE_DIR "/tests/services/audit/oscal-catalogue.json"

struct fixture {
    struct arena a;
    struct catalogue c;
    const char *version;
    struct catalogue_oscal_counts counts;
    struct audit_faults faults;
};

static enum err parse(struct fixture *f, const char *text, const char *tier_map)
{
    *f = (struct fixture){.version = ""};
    arena_init(&f->a, 8u << 20);
    return catalogue_oscal_parse(&f->a, text, strlen(text), tier_map, &f->c, &f->version,
                                 &f->counts, &f->faults);
}

static void load(struct fixture *f, const char *path, const char *tier_map)
{
    struct err_text why = {""};
    *f = (struct fixture){.version = ""};
    arena_init(&f->a, 64u << 20);
    if (catalogue_oscal_load(&f->a, path, tier_map, &f->c, &f->version, &f->counts, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void every_control_is_read_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *id, *title, *domain;
        enum catalogue_tier tier;
        bool objective, withdrawn;
        enum catalogue_key key;
    } want[] = {
        {"管理策-3.1.2", "Direction of [the organisation]", "Governance", CATALOGUE_GOVERNANCE,
         true, false, CATALOGUE_NOT_KEY},
        {"管理策-3.1.2.1", "Strategy", "Governance", CATALOGUE_GOVERNANCE, false, false,
         CATALOGUE_NOT_KEY},
        {"管理策-3.1.2.2", "Policy", "Governance", CATALOGUE_GOVERNANCE, false, false,
         CATALOGUE_NOT_KEY},
        {"gv-2", "Alone", "Governance", CATALOGUE_GOVERNANCE, false, false, CATALOGUE_NOT_KEY},
        {"ac-1", "Accounts", "Access", CATALOGUE_CONTROLS, true, false, CATALOGUE_KEY_ANNUAL},
        {"ac-1.1", "Removed after [30 days] by [nobody]", "Access", CATALOGUE_CONTROLS, true, false,
         CATALOGUE_KEY_ROTATES},
        {"ac-1.2", "Gone", "Access", CATALOGUE_CONTROLS, true, true, CATALOGUE_NOT_KEY},
        {"ac-2", "Also gone", "Access", CATALOGUE_CONTROLS, true, true, CATALOGUE_NOT_KEY},
        {"ac-9", "Sub", "Access", CATALOGUE_MANAGEMENT, false, false, CATALOGUE_NOT_KEY},
    };
    struct fixture f;
    load(&f, SAMPLE, NULL);
    assert_string_equal(f.version, "test-1");
    assert_int_equal(f.c.n, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < f.c.n; i++) {
        const struct catalogue_item *it = &f.c.items[i];
        assert_string_equal(it->id, want[i].id);
        assert_string_equal(it->title, want[i].title);
        assert_string_equal(it->domain, want[i].domain);
        assert_int_equal(it->tier, want[i].tier);
        assert_int_equal(it->objective, want[i].objective);
        assert_int_equal(it->not_assessed, want[i].withdrawn);
        assert_int_equal(it->key, want[i].key);
        assert_ptr_equal(catalogue_find(&f.c, want[i].id), it);
        assert_true(i == 0 || catalogue_compare(it - 1, it) < 0);
    }
    assert_string_equal(f.c.items[4].label, "AC-1");
    assert_string_equal(f.c.items[8].path, "catalog/ac/ac-sub/ac-9");
    assert_null(catalogue_find(&f.c, "ac-3"));
    assert_int_equal(f.counts.controls, 5);
    assert_int_equal(f.counts.nested, 4);
    assert_int_equal(f.counts.withdrawn_controls, 1);
    assert_int_equal(f.counts.withdrawn_nested, 1);
    arena_fini(&f.a);
}

static void a_tier_map_wins_over_the_file(void **state)
{
    (void)state;
    struct fixture f;
    load(&f, SAMPLE, "gv=management,ac=governance");
    assert_int_equal(f.c.items[0].tier, CATALOGUE_MANAGEMENT);
    assert_int_equal(catalogue_find(&f.c, "ac-9")->tier, CATALOGUE_GOVERNANCE);
    arena_fini(&f.a);
}

#define WRAP(groups)                                                                               \
    "{\"catalog\":{\"metadata\":{\"version\":\"1\"},\n\"groups\":[\n" groups "\n]}}"

static void what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line;
        const char *field, *en;
    } rows[] = {
        {"{\n\"catalog\":\n{,}}", 3, "column 2", "string or '}' expected"},
        {"{\"catalog\":1,\n\"catalog\":2}", 2, "column 9", "duplicate object key"},
        {"[]", 0, "catalog", "not an OSCAL catalogue"},
        {WRAP(""), 0, "catalog", "no controls"},
        {WRAP("{\"id\":\"a\",\"controls\":[{\"id\":\"a-1\"},\n{\"id\":\"a-2\"}]},\n"
              "{\"id\":\"b\",\"controls\":[\n{\"id\": \"a-2\"}]}"),
         6, "a-2", "catalog/b/a-2 (line 6) has the id of catalog/a/a-2 (line 4)"},
        {WRAP("{\"id\":\"a\",\"controls\":[\n{\"id\":\"a-1234567890-1234567890-1\"}]}"), 4,
         "catalog/a/a-1234567890-1234567890-1", "no id, or too long"},
        {WRAP("{\"id\":\"a\",\"controls\":[{\"title\":\"x\"}]}"), 0, "catalog/a/?",
         "no id, or too long"},
        {WRAP("{\"id\":\"a\",\"controls\":[7]}"), 0, "catalog/a", "not an object"},
        {WRAP(
             "{\"id\":\"a\",\"controls\":[\n\n{\"id\":\"a-1\",\"props\":[{\"name\":\"key-control\","
             "\"ns\":\"" OSCAL_NS "\",\"value\":\"maybe\"}]}]}"),
         5, "catalog/a/a-1", "key-control is yes, annual or no"},
        {WRAP("{\"groups\":[{\"groups\":[{\"groups\":[{\"groups\":[{\"groups\":[{\"groups\":["
              "{\"groups\":[{\"groups\":[{\"id\":\"x\"}]}]}]}]}]}]}]}]}"),
         0, "catalog/?/?/?/?/?/?/?/?", "nested too deep"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        assert_int_equal(parse(&f, rows[i].text, NULL), ERR_INVAL);
        const struct audit_fault *x = &f.faults.items[0];
        if (x->line != rows[i].line || strcmp(x->field, rows[i].field) != 0 ||
            strstr(x->en, rows[i].en) == NULL)
            fail_msg("row %zu: %u: %s: %s", i, x->line, x->field, x->en);
        arena_fini(&f.a);
    }
}

static void a_long_title_is_cut_between_characters(void **state)
{
    (void)state;
    char text[2048] = "{\"catalog\":{\"controls\":[{\"id\":\"a\",\"title\":\"x";
    size_t n = strlen(text);
    for (size_t i = 0; i < 400; i++, n += 3)
        memcpy(text + n, "管", 3);
    memcpy(text + n, "\"}]}}", 6);
    struct fixture f;
    assert_int_equal(parse(&f, text, NULL), ERR_OK);
    assert_int_equal(strlen(f.c.items[0].title), 1 + 3 * ((OSCAL_TEXT_BYTES - 2) / 3));
    arena_fini(&f.a);
}

static void plan_over(struct fixture *f, struct plan *plan, struct plan_certificate *cert)
{
    struct plan_important *im = arena_alloc(&f->a, f->c.n * sizeof *im);
    assert_non_null(im);
    struct plan_policy policy = {.rotation_years = 3,
                                 .internal_cycle_years = 3,
                                 .internal_all_tiers = true,
                                 .internal_sliding = true,
                                 .important = im,
                                 .hours_external = 8,
                                 .hours_internal = 4};
    for (size_t i = 0; i < f->c.n; i++)
        if (f->c.items[i].key != CATALOGUE_NOT_KEY)
            im[policy.n_important++] = (struct plan_important){
                f->c.items[i].id, f->c.items[i].key == CATALOGUE_KEY_ANNUAL};
    struct plan_input in = {.catalogue = &f->c, .policy = &policy, .first_year = 2027};
    if (audit_plan_make(&f->a, &in, plan, &f->faults) != ERR_OK ||
        audit_plan_check(&f->a, &in, plan, &f->faults) != ERR_OK)
        fail_msg("%s: %s", f->faults.items[0].field, f->faults.items[0].en);
    assert_int_equal(audit_plan_certify(&f->a, &in, plan, cert), ERR_OK);
}

static void a_plan_over_it_leaves_out_what_is_withdrawn(void **state)
{
    (void)state;
    struct fixture f;
    struct plan plan;
    struct plan_certificate cert;
    load(&f, SAMPLE, NULL);
    plan_over(&f, &plan, &cert);
    /* every year: two details and gv-2 of governance, ac-9 of management, ac-1; once: ac-1.1, and
     * of the internal audit the objective of governance, ac-1 and ac-1.1 */
    assert_int_equal(plan.n, 3 * 5 + 1 + 3);
    for (size_t i = 0; i < plan.n; i++)
        assert_false(catalogue_find(&f.c, plan.items[i].control_id)->not_assessed);
    arena_fini(&f.a);
}

static void nist_800_53_is_read_and_planned(void **state)
{
    (void)state;
    const char *path = getenv("LIU_OSCAL_NIST");
    if (path == NULL || path[0] == '\0') {
        (void)printf("SKIPPED: LIU_OSCAL_NIST does not name NIST's catalogue\n");
        skip();
    }
    struct fixture f;
    struct plan plan;
    struct plan_certificate cert;
    load(&f, path, NULL);
    assert_int_equal(f.counts.groups, 20);
    assert_int_equal(f.counts.controls, 322);
    assert_int_equal(f.counts.nested, 867);
    assert_int_equal(f.counts.withdrawn_controls, 24);
    assert_int_equal(f.counts.withdrawn_nested, 158);
    assert_int_equal(f.c.n, 1189);
    plan_over(&f, &plan, &cert);
    assert_int_equal(plan.n, 1189 - 24 - 158);
    assert_int_equal(cert.gap_hours, 0);
    assert_true(cert.domain_spread <= 1);
    arena_fini(&f.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_control_is_read_with_its_place),
        cmocka_unit_test(a_tier_map_wins_over_the_file),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(a_long_title_is_cut_between_characters),
        cmocka_unit_test(a_plan_over_it_leaves_out_what_is_withdrawn),
        cmocka_unit_test(nist_800_53_is_read_and_planned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
