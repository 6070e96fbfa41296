/* Checks of a whole rulebook: the part of eligibility by its core, the others by tables of ranges.
 */
#include "services/eligibility/rulecheck.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "services/eligibility/map.h"

#define ENTRIES_MAX 256
#define IMPORTANT_MAX 2048
#define GRADES_MAX 64

struct range {
    const char *path;
    size_t offset; /* of a uint32_t in the section */
    uint32_t min;
    uint32_t max;
    const char *why;
};

static enum err wrong(const char **path, const char **why, const char *where, const char *what)
{
    *path = where != NULL ? where : "";
    *why = what;
    return ERR_INVAL;
}

static enum err check_ranges(const void *section, const struct range *rows, size_t n,
                             const char **path, const char **why)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        memcpy(&v, (const char *)section + rows[i].offset, sizeof v);
        if (v < rows[i].min || v > rows[i].max)
            return wrong(path, why, rows[i].path, rows[i].why);
    }
    return ERR_OK;
}

static bool is_word(const char *word, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

bool rulecheck_is_control_id(const char *id)
{
    char *end;
    unsigned long chapter = strtoul(id, &end, 10);
    if (id[0] < '1' || id[0] > '9' || chapter < 3 || chapter > 18)
        return false;
    int numbers = 1;
    while (end[0] == '.' && end[1] >= '1' && end[1] <= '9') {
        end++;
        size_t digits = strspn(end, "0123456789");
        if (digits > 3)
            return false;
        end += digits;
        numbers++;
    }
    static const char *const suffixes[] = {"", ".P", ".B", ".PB", NULL};
    return (numbers == 3 || numbers == 4) && is_word(end, suffixes);
}

#define AUDIT(field) "audit." #field, offsetof(PB(AuditRules), field)

static const struct range AUDIT_RANGES[] = {
    {AUDIT(rotation_years), 1, 10, "must be 1 to 10 years (R63)"},
    {AUDIT(internal_cycle_years), 1, 10, "must be 1 to 10 years (R68)"},
    {AUDIT(hours_per_external_item), 1, 1000, "must be 1 to 1000 hours"},
    {AUDIT(hours_per_internal_item), 1, 1000, "must be 1 to 1000 hours"},
    {AUDIT(internal_report_due_months), 0, 24, "must be 0 to 24 months (R72)"},
    {AUDIT(internal_report_remind_days), 0, 366, "must be 0 to 366 days (R72)"},
    {AUDIT(change_notice_days), 0, 366, "must be 0 to 366 days (R48)"},
};

static enum err check_audit(struct arena *a, const PB(AuditRules) * r, const char **path,
                            const char **why)
{
    if (r == NULL)
        return wrong(path, why, "audit", "is missing");
    if (r->n_important == 0 || r->n_important > IMPORTANT_MAX)
        return wrong(path, why, "audit.important", "must name 1 to 2048 controls (R63)");
    for (size_t i = 0; i < r->n_important; i++) {
        const char *id = r->important[i]->id;
        if (!rulecheck_is_control_id(id))
            return wrong(path, why, arena_printf(a, "audit.important[%zu].id", i),
                         "is not an identifier of the control criteria");
        if (strtoul(id, NULL, 10) < 5)
            return wrong(path, why, arena_printf(a, "audit.important[%zu].id", i),
                         "is of the governance or management tier, which is audited every year");
        for (size_t k = 0; k < i; k++)
            if (strcmp(r->important[k]->id, id) == 0)
                return wrong(path, why, arena_printf(a, "audit.important[%zu].id", i),
                             "is there twice");
    }
    for (size_t i = 0; i < r->n_incident_controls; i++)
        if (!rulecheck_is_control_id(r->incident_controls[i]))
            return wrong(path, why, arena_printf(a, "audit.incident_controls[%zu]", i),
                         "is not an identifier of the control criteria (R66)");
    return check_ranges(r, AUDIT_RANGES, sizeof AUDIT_RANGES / sizeof AUDIT_RANGES[0], path, why);
}

#define GRADE(field) #field, offsetof(PB(GradeRow), field)

static const struct range GRADE_RANGES[] = {
    {GRADE(severity), 1, 4, "must be LOW to CRITICAL"},
    {GRADE(min_confidentiality), 0, 4, "must be an effect level"},
    {GRADE(min_integrity), 0, 4, "must be an effect level"},
    {GRADE(min_availability), 0, 4, "must be an effect level"},
    {GRADE(min_data_class), 0, 3, "must be 0 to 3"},
    {GRADE(min_agencies), 0, 10000, "must be 0 to 10000"},
};

static enum err check_grades(struct arena *a, const PB(IncidentRules) * r, const char **path,
                             const char **why)
{
    bool top = false;
    if (r->n_grades == 0 || r->n_grades > GRADES_MAX)
        return wrong(path, why, "incident.grades", "must have 1 to 64 rows (R82)");
    for (size_t i = 0; i < r->n_grades; i++) {
        const PB(GradeRow) *g = r->grades[i];
        enum err e =
            check_ranges(g, GRADE_RANGES, sizeof GRADE_RANGES / sizeof GRADE_RANGES[0], path, why);
        if (e != ERR_OK)
            return wrong(path, why, arena_printf(a, "incident.grades[%zu].%s", i, *path), *why);
        bool any = g->min_confidentiality == 0 && g->min_integrity == 0 &&
                   g->min_availability == 0 && g->min_data_class == 0 && g->min_agencies == 0 &&
                   !g->base_involved;
        if (any && i + 1 < r->n_grades)
            return wrong(path, why, arena_printf(a, "incident.grades[%zu]", i),
                         "has no condition, so the rows after it can never apply");
        top |= g->severity >= r->top_grade;
    }
    if (!top)
        return wrong(path, why, "incident.top_grade", "no row of grades reaches it");
    return ERR_OK;
}

#define INCIDENT(field) "incident." #field, offsetof(PB(IncidentRules), field)

static const struct range INCIDENT_RANGES[] = {
    {INCIDENT(corroborating_operators), 1, 16, "must be 1 to 16"},
    {INCIDENT(corroboration_window_s), 1, 604800, "must be 1 s to 7 days"},
    {INCIDENT(brake_suspensions), 1, 100000, "must be 1 to 100000 (R92)"},
    {INCIDENT(brake_window_s), 1, 86400, "must be 1 s to 1 day (R92)"},
    {INCIDENT(brake_clock_s), 1, 86400, "must be 1 s to 1 day (R92)"},
    {INCIDENT(prelim_hours), 1, 8760, "must be 1 to 8760 hours (R80)"},
    {INCIDENT(final_days), 1, 3650, "must be 1 to 3650 days (R80)"},
    {INCIDENT(top_grade), 1, 4, "must be LOW to CRITICAL (R82)"},
};

static enum err check_incident(struct arena *a, const PB(IncidentRules) * r, const char **path,
                               const char **why)
{
    static const char *const ungraded[] = {"PERSON_URGENT", "WORST", NULL};
    static const char *const authority[] = {"COMMITTEE", "OPERATOR", NULL};
    if (r == NULL)
        return wrong(path, why, "incident", "is missing");
    if (!is_word(r->ungraded_policy, ungraded))
        return wrong(path, why, "incident.ungraded_policy", "must be PERSON_URGENT or WORST (R82)");
    if (!is_word(r->lift_authority, authority))
        return wrong(path, why, "incident.lift_authority", "must be COMMITTEE or OPERATOR (R86)");
    enum err e = check_ranges(r, INCIDENT_RANGES,
                              sizeof INCIDENT_RANGES / sizeof INCIDENT_RANGES[0], path, why);
    return e != ERR_OK ? e : check_grades(a, r, path, why);
}

static enum err check_listing(const PB(ListingRules) * r, const char **path, const char **why)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    if (r == NULL)
        return wrong(path, why, "listing", "is missing");
    if (r->validity_months < 1 || r->validity_months > 120)
        return wrong(path, why, "listing.validity_months", "must be 1 to 120 (R43)");
    size_t n = strlen(r->number_prefix);
    if (n < 1 || n > 16 || strspn(r->number_prefix, allowed) != n)
        return wrong(path, why, "listing.number_prefix", "must be 1 to 16 of [A-Z0-9-]");
    return ERR_OK;
}

static enum err check_citations(struct arena *a, const PB(Rulebook) * r, const char **path,
                                const char **why)
{
    if (r->n_citations > ENTRIES_MAX)
        return wrong(path, why, "citations", "at most 256");
    for (size_t i = 0; i < r->n_citations; i++) {
        const PB(Citation) *c = r->citations[i];
        if (c->rule[0] == '\0' || c->source[0] == '\0' || c->confidence[0] == '\0')
            return wrong(path, why, arena_printf(a, "citations[%zu]", i),
                         "needs rule, source and confidence");
        for (size_t k = 0; k < i; k++)
            if (strcmp(r->citations[k]->rule, c->rule) == 0)
                return wrong(path, why, arena_printf(a, "citations[%zu].rule", i),
                             "is there twice");
    }
    return ERR_OK;
}

static enum err check_eligibility(struct arena *a, const PB(Rulebook) * r, const char **path,
                                  const char **why)
{
    struct elig_rules rules;
    if (r->eligibility == NULL)
        return wrong(path, why, "eligibility", "is missing");
    if (map_rules(a, r, &rules) != ERR_OK)
        return ERR_NOMEM;
    if (r->eligibility->review_days_unlisted > 3650)
        return wrong(path, why, "eligibility.review_days_unlisted",
                     "must be 0 (no clock) to 3650 (R26)");
    if (r->eligibility->n_damage_categories > 64)
        return wrong(path, why, "eligibility.damage_categories", "at most 64 (R14)");
    return elig_rules_check(a, &rules, path, why);
}

enum err rulebook_check(struct arena *a, const Ismap__Liu__V1__Rulebook *r, const char **path,
                        const char **why)
{
    size_t n = strlen(r->name);
    if (n == 0 || n > 64)
        return wrong(path, why, "name", "must be 1 to 64 bytes");
    enum err e = check_eligibility(a, r, path, why);
    if (e == ERR_OK)
        e = check_citations(a, r, path, why);
    if (e == ERR_OK)
        e = check_audit(a, r->audit, path, why);
    if (e == ERR_OK)
        e = check_incident(a, r->incident, path, why);
    if (e == ERR_OK)
        e = check_listing(r->listing, path, why);
    return e;
}

enum err targets_check(struct arena *a, const Ismap__Liu__V1__TargetList *t, const char **path,
                       const char **why)
{
    int32_t day;
    if (t->version == 0)
        return wrong(path, why, "version", "must be 1 or more");
    if (date_parse(t->adopted_on, &day) != ERR_OK)
        return wrong(path, why, "adopted_on", "must be a date YYYY-MM-DD");
    if (t->n_entries == 0 || t->n_entries > ENTRIES_MAX)
        return wrong(path, why, "entries", "must be 1 to 256");
    for (size_t i = 0; i < t->n_entries; i++) {
        struct elig_target entry;
        if (map_target(a, t->entries[i], &entry) != ERR_OK)
            return ERR_NOMEM;
        enum err e = elig_target_check(a, &entry, path, why);
        if (e != ERR_OK)
            return wrong(path, why, arena_printf(a, "entries[%zu].%s", i, *path), *why);
        for (size_t k = 0; k < i; k++)
            if (strcmp(t->entries[k]->code, entry.code) == 0)
                return wrong(path, why, arena_printf(a, "entries[%zu].code", i), "is there twice");
    }
    return ERR_OK;
}
