/* Checks of form and sheets; see completeness.h. */
#include "services/intake/core/completeness.h"

#include <stdio.h>
#include <string.h>

static bool blank(const char *s)
{
    return s == NULL || s[0] == '\0';
}

void completeness_check_form(const struct form_facts *f, struct violations *out)
{
    if (blank(f->gbiz_id))
        violations_add(out, "gbizId", "R15", "gビズIDの参照が必要です。",
                       "a GbizID reference is required");
    if (f->n_asked > ASKED_MINISTRIES_MAX)
        violations_add(out, "askedMinistries", "P-LIMIT", "評価を依頼できる府省庁は8までです。",
                       "at most 8 ministries can be asked");
    if (f->n_attached > ATTACHED_MAX)
        violations_add(out, "attached", "P-LIMIT", "添付できる影響度評価は8件までです。",
                       "at most 8 assessments can be attached");
    for (size_t i = 0; i < f->n_asked && i < ASKED_MINISTRIES_MAX; i++) {
        if (blank(f->asked[i]))
            violations_add_item(out, "askedMinistries", i, "", "P-FIELD", "府省庁のIDが空です。",
                                "the ministry's id is empty");
        else if (strcmp(f->asked[i], f->provider) == 0)
            violations_add_item(out, "askedMinistries", i, "", "R14",
                                "申請者自身に評価を依頼することはできません。",
                                "the applicant cannot be asked to assess itself");
        for (size_t k = 0; k < i; k++)
            if (!blank(f->asked[i]) && strcmp(f->asked[i], f->asked[k]) == 0) {
                violations_add_item(out, "askedMinistries", i, "", "R12",
                                    "同じ府省庁が重複しています。", "this ministry is named twice");
                break;
            }
    }
}

static void add_field(struct violations *out, const char *prefix, const char *name, const char *ja,
                      const char *en)
{
    char field[VIOLATION_FIELD_BYTES];
    (void)snprintf(field, sizeof field, "%s%s", prefix, name);
    violations_add(out, field, "R13", ja, en);
}

static void check_item(const struct item_facts *item, const char *prefix, size_t i,
                       struct violations *out)
{
    static const struct {
        const char *class_name;
        const char *level_name;
    } axes[3] = {{"confidentialityClass", "confidentiality"},
                 {"integrityClass", "integrity"},
                 {"availabilityClass", "availability"}};
    char list[VIOLATION_FIELD_BYTES];
    (void)snprintf(list, sizeof list, "%sitems", prefix);
    if (blank(item->description))
        violations_add_item(out, list, i, "description", "R13", "情報の内容が記入されていません。",
                            "the information is not described");
    if (blank(item->reason))
        violations_add_item(out, list, i, "reason", "R13", "影響度の理由が記入されていません。",
                            "the reason for the levels is missing");
    for (size_t axis = 0; axis < 3; axis++) {
        if (item->classes[axis] == 0)
            violations_add_item(out, list, i, axes[axis].class_name, "R13",
                                "格付が記入されていません。", "the class is missing");
        if (item->levels[axis] == 0)
            violations_add_item(out, list, i, axes[axis].level_name, "R13",
                                "影響度が記入されていません。", "the impact level is missing");
    }
}

void completeness_check_sheet(const struct sheet_facts *f, const char *prefix,
                              struct violations *out)
{
    if (blank(f->ministry))
        add_field(out, prefix, "ministry", "評価した府省庁が記入されていません。",
                  "the assessing ministry is missing");
    if (blank(f->business))
        add_field(out, prefix, "business.description", "業務の内容が記入されていません。",
                  "the business is not described");
    if (blank(f->assessor))
        add_field(out, prefix, "assessor", "評価者が記入されていません。",
                  "the assessor is missing");
    if (blank(f->approver))
        add_field(out, prefix, "approver", "承認者が記入されていません。",
                  "the approver is missing");
    if (blank(f->assessed_on))
        add_field(out, prefix, "assessedOn", "評価日が記入されていません。",
                  "the date of the assessment is missing");
    if (f->n_items == 0)
        add_field(out, prefix, "items", "情報項目が1件もありません。",
                  "there is no information item");
    for (size_t i = 0; i < f->n_items; i++)
        check_item(&f->items[i], prefix, i, out);
}

const char *completeness_body(const char *party_id, const char *party_body)
{
    return blank(party_body) ? party_id : party_body;
}

uint32_t completeness_bodies(const char *const *bodies, size_t n)
{
    uint32_t distinct = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < i && strcmp(bodies[i], bodies[k]) != 0)
            k++;
        if (k == i)
            distinct++;
    }
    return distinct;
}
