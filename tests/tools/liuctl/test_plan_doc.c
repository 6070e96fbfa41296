/* A plan's files: what is exported is whole, repeatable, and no damage to it passes the check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "liuctl/plan_doc.h"
#include "rulebook/rulebook.h"
#include "services/audit/audit_record.h"
#include "services/audit/catalogue_load.h"

#define CATALOGUE LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv"

struct fixture {
    struct arena a;
    struct catalogue c;
    struct plan_policy policy;
    struct plan_input in;
    Ismap__Liu__V1__AuditPlan *record;
    struct plan_doc doc;
    struct buf text;
};

static void make(struct fixture *f, const char *case_id)
{
    struct err_text why = {""};
    struct audit_faults faults = {.n = 0};
    Ismap__Liu__V1__Catalogue *m = NULL;
    Ismap__Liu__V1__Rulebook *rules = NULL;
    struct plan plan;
    *f = (struct fixture){.in = {.first_year = 2027}};
    arena_init(&f->a, 64u << 20);
    buf_init(&f->text, PLAN_DOC_BYTES_MAX);
    assert_int_equal(catalogue_load(&f->a, CATALOGUE, NULL, &m, NULL, NULL, &why), ERR_OK);
    assert_int_equal(rulebook_load(LIU_SOURCE_DIR "/rules/regime-a.yaml", &f->a, &rules, &why),
                     ERR_OK);
    assert_int_equal(audit_record_catalogue(&f->a, m, &f->c, &faults), ERR_OK);
    assert_int_equal(audit_record_policy(&f->a, rules->audit, &f->policy), ERR_OK);
    f->in.catalogue = &f->c;
    f->in.policy = &f->policy;
    assert_int_equal(audit_plan_make(&f->a, &f->in, &plan, &faults), ERR_OK);
    struct audit_record_about about = {.case_id = case_id,
                                       .provider = "acme",
                                       .catalogue_version = "2022-04-01",
                                       .rulebook_hash = "abc",
                                       .made_at_ms = 1795000000123,
                                       .first_year = 2027};
    assert_int_equal(audit_record_plan(&f->a, &plan, &about, &f->record), ERR_OK);
    assert_int_equal(plan_doc_open(&f->a, f->record, &f->c, &f->doc, &why), ERR_OK);
}

static void drop(struct fixture *f)
{
    buf_fini(&f->text);
    arena_fini(&f->a);
}

static void uuids_are_those_of_rfc_9562(void **state)
{
    (void)state;
    static const struct {
        size_t n; /* of letters a; with the namespace's 16 bytes around the block's size */
        const char *uuid;
    } rows[] = {
        {0, "20d4761e-1669-55e0-b342-147ef723e4d6"},   {1, "d5b7a158-e62f-5ed2-9045-8ac02102faa4"},
        {38, "80c7c1fd-3081-50d8-ae08-78a44d8610ab"},  {39, "d76bc62a-6a84-5f59-b073-b62bf284487a"},
        {40, "bb9d8c89-0c0f-51da-ad3c-9a84a98e4a46"},  {47, "7fec83fc-797a-565d-a304-02efcc50b9dd"},
        {48, "2fca410b-4813-5928-8d79-4874d2edc98d"},  {49, "a8a34c48-62b8-54a2-aafb-3cb1bfb62bdd"},
        {100, "37bc8e07-959e-50aa-aea6-18ddde380001"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[128] = {0};
        char out[UUID_TEXT_BYTES];
        memset(name, 'a', rows[i].n);
        plan_uuid(name, out);
        assert_string_equal(out, rows[i].uuid);
    }
}

static void an_export_passes_its_check_and_repeats(void **state)
{
    (void)state;
    struct fixture f;
    make(&f, "C-1");
    json_t *one = plan_oscal(&f.a, &f.doc);
    json_t *two = plan_oscal(&f.a, &f.doc);
    char *first = json_dumps(one, JSON_COMPACT);
    char *second = json_dumps(two, JSON_COMPACT);
    assert_non_null(first);
    assert_string_equal(first, second);
    if (plan_oscal_check(&f.a, one, &f.doc, &f.text) != ERR_OK)
        fail_msg("%.*s", (int)f.text.len, (const char *)f.text.data);
    free(first);
    free(second);
    json_decref(one);
    json_decref(two);
    drop(&f);
}

static json_t *at(json_t *root, const char *path)
{
    char copy[128];
    (void)snprintf(copy, sizeof copy, "%s", path);
    json_t *j = json_object_get(root, "assessment-plan");
    char *rest = copy;
    for (char *word = strsep(&rest, "/"); word != NULL; word = strsep(&rest, "/"))
        j = word[0] >= '0' && word[0] <= '9' ? json_array_get(j, (size_t)(word[0] - '0'))
                                             : json_object_get(j, word);
    assert_non_null(j);
    return j;
}

/* Sets `name` of the object at `path` to a JSON text; NULL removes it. `named` must be reported. */
static void every_damage_to_an_export_is_named(void **state)
{
    (void)state;
#define ACTIVITY "local-definitions/activities/0"
#define CONTROLS "/control-selections/0/include-controls"
    static const struct {
        const char *path, *name, *value, *named;
    } rows[] = {
        {"tasks/0/tasks/0/associated-activities/0", "activity-uuid",
         "\"b806927f-6967-4393-9bda-ca578a7802bd\"", "activity-uuid has no target"},
        {"tasks/0/tasks/0/associated-activities/0", "subjects", NULL, "without subjects"},
        {"tasks/1/tasks/0/responsible-roles/0", "role-id", "\"nobody\"", "role-id has no target"},
        {"import-ssp", "href", "\"#b806927f-6967-4393-9bda-ca578a7802bd\"", "href has no target"},
        {"reviewed-controls" CONTROLS "/0", "control-id", "\"ismap-99.1.1\"",
         "not in the catalogue"},
        {"reviewed-controls" CONTROLS "/0", "control-id", "\"ismap-5.1.1\"",
         "audited, but not in reviewed-controls"},
        {ACTIVITY "/related-controls" CONTROLS "/0", "control-id", "\"ismap-3.1.2.2\"",
         "twice in one audit"},
        {ACTIVITY "/related-controls" CONTROLS "/0", "control-id", "\"ismap-5.1.1\"",
         "an item of the plan is missing"},
        {"reviewed-controls/control-selections/0", "include-all", "{}", "include-all together"},
        {"", "uuid", "\"01890a5d-ac96-774b-bcce-b302099a8057\"", "version 4 or 5"},
        {"tasks/0/timing/within-date-range", "start", "\"2027-01-01T00:00:00\"", "offset"},
        {"tasks/0/timing/within-date-range", "start", "\"2028-01-01T00:00:00+09:00\"", "in order"},
        {"tasks/0/tasks/0/timing/within-date-range", "end", "\"2028-01-01T00:00:00+09:00\"",
         "outside its year"},
        {"tasks/0", "tasks", "[]", "empty"},
        {"tasks/0/tasks/0/props/0", "value", "\"2\"", "activity of another year"},
        {"metadata", "title", "\"\"", "empty"},
        {"metadata", "oscal-version", "\"1.2.0\"", "oscal-version"},
        {"tasks/2/props/1", "value", "\"0\"", "hash of another plan"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        make(&f, "C-1");
        json_t *root = plan_oscal(&f.a, &f.doc);
        json_t *o = rows[i].path[0] == '\0' ? json_object_get(root, "assessment-plan")
                                            : at(root, rows[i].path);
        if (rows[i].value == NULL)
            assert_int_equal(json_object_del(o, rows[i].name), 0);
        else
            assert_int_equal(json_object_set_new(o, rows[i].name,
                                                 json_loads(rows[i].value, JSON_DECODE_ANY, NULL)),
                             0);
        assert_int_equal(plan_oscal_check(&f.a, root, &f.doc, &f.text), ERR_INVAL);
        assert_int_equal(buf_put(&f.text, "", 1), ERR_OK);
        if (strstr((const char *)f.text.data, rows[i].named) == NULL)
            fail_msg("row %zu: %s", i, (const char *)f.text.data);
        json_decref(root);
        drop(&f);
    }
}

static void a_table_has_a_row_for_each_item(void **state)
{
    (void)state;
    struct fixture f;
    make(&f, "=1+1,\"x\"");
    plan_csv(&f.doc, &f.text);
    assert_int_equal(buf_put(&f.text, "", 1), ERR_OK);
    const char *s = (const char *)f.text.data;
    size_t lines = 0;
    for (const char *p = s; *p != '\0'; p++)
        lines += *p == '\n';
    assert_int_equal(lines, f.doc.plan.n + 1);
    assert_non_null(strstr(s, "\n\"'=1+1,\"\"x\"\"\",1,2027,external,3.1.2.1,governance,3,"));
    drop(&f);
}

static void a_picture_escapes_and_shows_every_year(void **state)
{
    (void)state;
    struct fixture f;
    make(&f, "C<&>");
    plan_svg(&f.doc, &f.text);
    assert_int_equal(buf_put(&f.text, "", 1), ERR_OK);
    const char *s = (const char *)f.text.data;
    assert_null(strstr(s, "C<"));
    assert_non_null(strstr(s, "C&#60;&#38;&#62;"));
    assert_non_null(strstr(s, "2029 年"));
    assert_non_null(strstr(s, "アクセス制御"));
    assert_non_null(strstr(s, "</svg>"));
    drop(&f);
}

/* ---- tampering */

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* One change that no rule allows. An item moved to another year is not among them: two that change
 * places make another good plan, which only the hash tells from this one. */
static void damage(Ismap__Liu__V1__AuditPlan *m, uint32_t kind)
{
    Ismap__Liu__V1__PlanItem *item = m->items[below((uint32_t)m->n_items)];
    Ismap__Liu__V1__YearLoad *load = m->loads[below((uint32_t)m->n_loads)];
    switch (kind) {
    case 0:
        m->items[below((uint32_t)m->n_items)] = m->items[m->n_items - 1];
        m->n_items--; /* the last one's place in the loads is then wrong in any case */
        break;
    case 1:
        item->hours += 1 + below(5);
        break;
    case 2:
        item->year += 3;
        break;
    case 3:
        item->party = ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_UNSPECIFIED;
        break;
    case 4:
        item->reason = item->reason[2] == '2' ? "R63" : "R62";
        break;
    case 5:
        item->control_id = "9.99.1";
        break;
    case 6:
        load->external_hours ^= 1u << below(8);
        break;
    case 7:
        load->internal_items++;
        break;
    case 8:
        load->year = 9;
        break;
    case 9:
        m->years = m->years == 3 ? 2 : 3;
        break;
    default:
        item->party = item->party == ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_EXTERNAL
                          ? ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_INTERNAL
                          : ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_EXTERNAL;
        break;
    }
}

static void any_tampering_is_refused(void **state)
{
    (void)state;
    struct fixture clean;
    make(&clean, "C-1");
    assert_int_equal(audit_record_check_hash(&clean.a, clean.record), ERR_OK);
    drop(&clean);
    for (uint32_t round = 0; round < 220; round++) {
        struct fixture f;
        struct err_text why = {""};
        struct audit_faults faults = {.n = 0};
        struct plan plan;
        make(&f, "C-1");
        damage(f.record, round % 11);
        /* as the hash sees it */
        assert_int_equal(audit_record_check_hash(&f.a, f.record), ERR_INVAL);
        /* and, had the hash been made anew, as the rules do */
        enum err e = audit_record_read_plan(&f.a, f.record, &plan, &why);
        if (e == ERR_OK)
            e = audit_plan_check(&f.a, &f.in, &plan, &faults);
        if (e != ERR_INVAL)
            fail_msg("round %u: %s", round, err_name(e));
        drop(&f);
    }
}

static void two_items_that_change_places_break_the_hash(void **state)
{
    (void)state;
    struct fixture f;
    make(&f, "C-1");
    for (size_t i = 0; i + 1 < f.record->n_items; i++) {
        uint32_t year = f.record->items[i]->year;
        if (f.record->items[i + 1]->year == year)
            continue;
        f.record->items[i]->year = f.record->items[i + 1]->year;
        assert_int_equal(audit_record_check_hash(&f.a, f.record), ERR_INVAL);
        f.record->items[i]->year = year;
    }
    assert_int_equal(audit_record_check_hash(&f.a, f.record), ERR_OK);
    drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uuids_are_those_of_rfc_9562),
        cmocka_unit_test(an_export_passes_its_check_and_repeats),
        cmocka_unit_test(every_damage_to_an_export_is_named),
        cmocka_unit_test(a_table_has_a_row_for_each_item),
        cmocka_unit_test(a_picture_escapes_and_shows_every_year),
        cmocka_unit_test(any_tampering_is_refused),
        cmocka_unit_test(two_items_that_change_places_break_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
