/* The writer of OSCAL assessment plans. Members stand in the order of the model, arrays in the
 * order of the plan, so that two exports of one plan are the same bytes. */
#include "liuctl/plan_doc.h"

#include <string.h>

#include "base/date.h"

static const char *const tier_words[] = {"", "governance", "management", "controls"};
static const char *const party_words[] = {"", "external", "internal"};
static const char *const party_roles[] = {"", "external-auditor", "internal-auditor"};
static const char *const party_ja[] = {"", "外部監査", "内部監査"};

/* A UUID of this plan: its hash, the case and a role in the document. */
static json_t *uuid(struct arena *a, const struct plan_doc *d, const char *role)
{
    char text[UUID_TEXT_BYTES];
    const char *name = arena_printf(a, "%s/%s/%s", d->hash, d->record->case_id, role);
    if (name == NULL)
        return NULL;
    plan_uuid(name, text);
    return json_string(text);
}

static const char *role_of(struct arena *a, const char *kind, uint32_t year, enum plan_party party)
{
    const char *s = arena_printf(a, "%s/%u/%s", kind, year, party_words[party]);
    return s != NULL ? s : "";
}

static json_t *prop(const char *name, const char *value)
{
    return value == NULL
               ? NULL
               : json_pack("{s:s, s:s, s:s}", "name", name, "ns", PLAN_OSCAL_NS, "value", value);
}

static json_t *prop_number(struct arena *a, const char *name, uint32_t v)
{
    return prop(name, arena_printf(a, "%u", v));
}

static const char *const mode_words[PLAN_MODES] = {"", "design", "operating",
                                                   "design-and-operating"};

/* Which controls are in a year's audit, by mode; year 0 = in any year, of any party, whatever its
 * mode (PLAN_NO_MODE + 1). */
static uint8_t *marked(struct arena *a, const struct plan_doc *d, uint32_t year,
                       enum plan_party party)
{
    uint8_t *marks = arena_alloc(a, d->catalogue->n);
    for (size_t i = 0; marks != NULL && i < d->plan.n; i++) {
        const struct plan_item *item = &d->plan.items[i];
        if (year != 0 && (item->year != year || item->party != party))
            continue;
        const struct catalogue_item *it = catalogue_find(d->catalogue, item->control_id);
        marks[it - d->catalogue->items] = year == 0 ? 1 : (uint8_t)plan_mode_of(item);
    }
    return marks;
}

/* The controls of one tier and mark as a selection, into `out` when there are any. */
static bool add_selection(struct arena *a, const struct plan_doc *d, const uint8_t *marks, int tier,
                          uint8_t mark, const char *mode, json_t *out)
{
    json_t *ids = json_array();
    bool bad = ids == NULL;
    for (size_t i = 0; i < d->catalogue->n; i++) {
        const struct catalogue_item *it = &d->catalogue->items[i];
        if (marks[i] != mark || (int)it->tier != tier)
            continue;
        const char *token = plan_token(a, it->id);
        bad |= token == NULL ||
               json_array_append_new(ids, json_pack("{s:s}", "control-id", token)) != 0;
    }
    if (json_array_size(ids) == 0) {
        json_decref(ids);
        return !bad;
    }
    json_t *props = json_pack("[o]", prop("tier", tier_words[tier]));
    if (mode != NULL)
        bad |= json_array_append_new(props, prop("audit-mode", mode)) != 0;
    bad |= json_array_append_new(
               out, json_pack("{s:o, s:o}", "props", props, "include-controls", ids)) != 0;
    return !bad;
}

/* One selection for each tier and mode that has any; NULL without memory, an empty array without
 * controls. */
static json_t *selections(struct arena *a, const struct plan_doc *d, uint32_t year,
                          enum plan_party party)
{
    const uint8_t *marks = marked(a, d, year, party);
    json_t *out = json_array();
    bool good = marks != NULL && out != NULL;
    for (int tier = CATALOGUE_GOVERNANCE; good && tier < CATALOGUE_TIERS; tier++)
        for (uint8_t mark = 1; good && mark < (year == 0 ? 2 : PLAN_MODES); mark++)
            good = add_selection(a, d, marks, tier, mark, year == 0 ? NULL : mode_words[mark], out);
    if (good)
        return out;
    json_decref(out);
    return NULL;
}

static uint32_t items_of(const struct plan_doc *d, uint32_t year, enum plan_party party)
{
    const struct plan_load *l = &d->plan.loads[year - 1];
    return party == PLAN_EXTERNAL ? l->external_items : l->internal_items;
}

static json_t *activity(struct arena *a, const struct plan_doc *d, uint32_t year,
                        enum plan_party party)
{
    int32_t civil = d->first_year + (int32_t)year - 1;
    const struct plan_load *l = &d->plan.loads[year - 1];
    const char *title =
        arena_printf(a, "%d %s / %s audit", civil, party_ja[party], party_words[party]);
    const char *text = arena_printf(a, "%d 年の%sの対象 %u 項目 / %u items of the %s audit of %d",
                                    civil, party_ja[party], items_of(d, year, party),
                                    items_of(d, year, party), party_words[party], civil);
    uint32_t hours = party == PLAN_EXTERNAL ? l->external_hours : l->internal_hours;
    return json_pack("{s:o, s:s, s:s, s:[o,o,o,o], s:{s:o}}", "uuid",
                     uuid(a, d, role_of(a, "activity", year, party)), "title", title, "description",
                     text, "props", prop_number(a, "audit-year", year),
                     prop("audit-party", party_words[party]), prop_number(a, "hours", hours),
                     prop("plan-hash", d->hash), "related-controls", "control-selections",
                     selections(a, d, year, party));
}

static json_t *range_of(struct arena *a, int32_t civil)
{
    return json_pack("{s:{s:s, s:s}}", "within-date-range", "start",
                     arena_printf(a, "%d-01-01T00:00:00+09:00", civil), "end",
                     arena_printf(a, "%d-12-31T23:59:59+09:00", civil));
}

static json_t *subjects(void)
{
    return json_pack("[{s:s, s:{}}]", "type", "component", "include-all");
}

static json_t *child(struct arena *a, const struct plan_doc *d, uint32_t year,
                     enum plan_party party)
{
    int32_t civil = d->first_year + (int32_t)year - 1;
    return json_pack(
        "{s:o, s:s, s:s, s:[o,o,o], s:o, s:[{s:o, s:o}], s:[{s:s}]}", "uuid",
        uuid(a, d, role_of(a, "task", year, party)), "type", "action", "title",
        arena_printf(a, "%d %s / %s audit", civil, party_ja[party], party_words[party]), "props",
        prop_number(a, "audit-year", year), prop("audit-party", party_words[party]),
        prop("plan-hash", d->hash), "timing", range_of(a, civil), "associated-activities",
        "activity-uuid", uuid(a, d, role_of(a, "activity", year, party)), "subjects", subjects(),
        "responsible-roles", "role-id", party_roles[party]);
}

/* A year without any item has no task: an empty array is not OSCAL. */
static bool add_year(struct arena *a, const struct plan_doc *d, uint32_t year, json_t *activities,
                     json_t *tasks)
{
    int32_t civil = d->first_year + (int32_t)year - 1;
    json_t *children = json_array();
    for (enum plan_party p = PLAN_EXTERNAL; p <= PLAN_INTERNAL; p++) {
        if (items_of(d, year, p) == 0)
            continue;
        if (json_array_append_new(activities, activity(a, d, year, p)) != 0 ||
            json_array_append_new(children, child(a, d, year, p)) != 0) {
            json_decref(children);
            return false;
        }
    }
    if (json_array_size(children) == 0) {
        json_decref(children);
        return true;
    }
    json_t *parent =
        json_pack("{s:o, s:s, s:s, s:[o,o], s:o, s:o}", "uuid",
                  uuid(a, d, role_of(a, "year", year, PLAN_EXTERNAL)), "type", "action", "title",
                  arena_printf(a, "%u 年目 (%d) / year %u", year, civil, year), "props",
                  prop_number(a, "audit-year", year), prop("plan-hash", d->hash), "timing",
                  range_of(a, civil), "tasks", children);
    return json_array_append_new(tasks, parent) == 0;
}

static json_t *metadata(struct arena *a, const struct plan_doc *d)
{
    const Ismap__Liu__V1__AuditPlan *m = d->record;
    char day[DATE_TEXT_BYTES];
    int32_t days = date_of_ms(m->made_at_ms);
    date_format(days, day);
    int64_t s = (m->made_at_ms - date_start_ms(days)) / 1000;
    const char *made = arena_printf(a, "%sT%02d:%02d:%02d+09:00", day, (int)(s / 3600),
                                    (int)(s / 60 % 60), (int)(s % 60));
    const char *who = m->provider[0] != '\0' ? m->provider : "provider";
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:[o,o,o,o,o], s:[{s:s,s:s},{s:s,s:s},{s:s,s:s}], s:[{s:o,s:s,s:s}],"
        " s:[{s:s,s:[o]}]}",
        "title",
        arena_printf(a, "ISMAP-LIU 監査計画 / audit plan %s",
                     m->case_id[0] != '\0' ? m->case_id : "(offline)"),
        "last-modified", made, "version", d->hash, "oscal-version", PLAN_OSCAL_VERSION, "props",
        prop("plan-hash", d->hash), prop("catalogue-version", m->catalogue_version),
        prop("rulebook-hash", m->rulebook_hash), prop("core-version", m->core_version),
        prop("control-id-prefix", d->catalogue->by_id == NULL ? PLAN_OSCAL_PREFIX : "none"),
        "roles", "id", "provider", "title", "クラウドサービス事業者 / provider", "id",
        party_roles[1], "title", "監査機関 / external auditor", "id", party_roles[2], "title",
        "内部監査人 / internal auditor", "parties", "uuid", uuid(a, d, "party/provider"), "type",
        "organization", "name", who, "responsible-parties", "role-id", "provider", "party-uuids",
        uuid(a, d, "party/provider"));
}

static json_t *resource(struct arena *a, const struct plan_doc *d, const char *role,
                        const char *title, const char *text)
{
    return json_pack("{s:o, s:s, s:s}", "uuid", uuid(a, d, role), "title", title, "description",
                     text);
}

json_t *plan_oscal(struct arena *a, const struct plan_doc *d)
{
    json_t *activities = json_array();
    json_t *tasks = json_array();
    bool bad = activities == NULL || tasks == NULL;
    for (uint32_t year = 1; !bad && year <= d->plan.years; year++)
        bad = !add_year(a, d, year, activities, tasks);
    json_t *ssp = uuid(a, d, "resource/case");
    const char *href = ssp == NULL ? NULL : arena_printf(a, "#%s", json_string_value(ssp));
    json_decref(ssp);
    if (bad || href == NULL) {
        json_decref(activities);
        json_decref(tasks);
        return NULL;
    }
    return json_pack(
        "{s:{s:o, s:o, s:{s:s}, s:{s:o}, s:{s:o}, s:o, s:o, s:{s:[o,o]}}}", "assessment-plan",
        "uuid", uuid(a, d, "assessment-plan"), "metadata", metadata(a, d), "import-ssp", "href",
        href, "local-definitions", "activities", activities, "reviewed-controls",
        "control-selections", selections(a, d, 0, PLAN_EXTERNAL), "assessment-subjects", subjects(),
        "tasks", tasks, "back-matter", "resources",
        resource(a, d, "resource/case", "登録の案件 / case of the register",
                 arena_printf(a, "ISMAP-LIU case %s",
                              d->record->case_id[0] != '\0' ? d->record->case_id : "(offline)")),
        resource(a, d, "resource/catalogue", "管理基準 / control catalogue",
                 arena_printf(a, "catalogue version %s", d->record->catalogue_version)));
}
