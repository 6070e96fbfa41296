/* Field by field copies; the enums of core and wire share their numbers, asserted here. */
#include "services/audit/audit_record.h"

#include <assert.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "wire/unpack.h"

static_assert((int)CATALOGUE_GOVERNANCE == (int)ISMAP__LIU__V1__TIER__TIER_GOVERNANCE, "tier");
static_assert((int)CATALOGUE_MANAGEMENT == (int)ISMAP__LIU__V1__TIER__TIER_MANAGEMENT, "tier");
static_assert((int)CATALOGUE_CONTROLS == (int)ISMAP__LIU__V1__TIER__TIER_CONTROLS, "tier");
static_assert((int)PLAN_EXTERNAL == (int)ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_EXTERNAL,
              "party");
static_assert((int)PLAN_INTERNAL == (int)ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_INTERNAL,
              "party");

/* One control whose id follows no grammar: its place says what it belongs to. */
static bool read_named(const Ismap__Liu__V1__ControlItem *f, struct catalogue_item *it)
{
    *it = (struct catalogue_item){.line = 0};
    if (!text_copy(it->id, sizeof(it->id), f->id) || it->id[0] == '\0' || f->n_numbers != 4 ||
        (int)f->tier < CATALOGUE_GOVERNANCE || (int)f->tier >= CATALOGUE_TIERS ||
        f->key > CATALOGUE_KEY_ANNUAL)
        return false;
    for (size_t i = 0; i < 4; i++) {
        if (f->numbers[i] > UINT16_MAX)
            return false;
        it->numbers[i] = (uint16_t)f->numbers[i];
    }
    it->tier = (enum catalogue_tier)f->tier;
    it->objective = f->objective != 0;
    it->not_assessed = f->not_assessed != 0;
    it->key = (enum catalogue_key)f->key;
    it->path = f->path[0] == '\0' ? NULL : f->path;
    return true;
}

static enum err named_catalogue(struct arena *a, const Ismap__Liu__V1__Catalogue *m,
                                struct catalogue_item *items, struct catalogue *out,
                                struct audit_faults *faults)
{
    size_t before = faults->n;
    for (size_t i = 0; i < m->n_items; i++)
        if (!read_named(m->items[i], &items[i]))
            audit_fault_add(faults, a, 0, m->items[i]->id, "R60", "番号と属性が合いません",
                            "the identifier and the flags do not agree");
    return faults->n != before ? ERR_INVAL
                               : catalogue_index_named(a, items, m->n_items, out, faults);
}

enum err audit_record_keys(struct arena *a, const struct catalogue *c, struct plan_policy *policy)
{
    if (c->by_id == NULL)
        return ERR_OK;
    struct plan_important *im = arena_alloc(a, (c->n + 1) * sizeof(*im));
    size_t n = 0;
    if (im == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->n; i++) {
        const struct catalogue_item *it = &c->items[i];
        if (it->key != CATALOGUE_NOT_KEY && it->tier == CATALOGUE_CONTROLS && !it->not_assessed)
            im[n++] = (struct plan_important){it->id, it->key == CATALOGUE_KEY_ANNUAL};
    }
    policy->important = im;
    policy->n_important = n;
    return ERR_OK;
}

enum err audit_record_catalogue(struct arena *a, const Ismap__Liu__V1__Catalogue *m,
                                struct catalogue *out, struct audit_faults *faults)
{
    *out = (struct catalogue){0};
    if (m->n_items > CATALOGUE_ITEMS_MAX)
        return ERR_LIMIT;
    struct catalogue_item *items = arena_alloc(a, m->n_items * sizeof(*items));
    if (items == NULL)
        return ERR_NOMEM;
    if (m->named)
        return named_catalogue(a, m, items, out, faults);
    size_t before = faults->n;
    for (size_t i = 0; i < m->n_items; i++) {
        const Ismap__Liu__V1__ControlItem *f = m->items[i];
        struct catalogue_item *it = &items[i];
        if (!catalogue_read_id(f->id, it) || (int)f->tier != (int)it->tier ||
            (f->objective != 0) != it->objective || f->domain != it->numbers[0] ||
            (f->basic_statement != 0) != it->basic_statement ||
            (f->provider_specific != 0) != it->provider_specific)
            audit_fault_add(faults, a, 0, f->id, "R60", "番号と属性が合いません",
                            "the identifier and the flags do not agree");
        it->not_assessed = f->not_assessed != 0;
    }
    if (faults->n != before)
        return ERR_INVAL;
    return catalogue_index(a, items, m->n_items, out, faults);
}

static enum err read_tables(struct arena *a, const Ismap__Liu__V1__AuditRules *m,
                            struct plan_policy *out)
{
    struct plan_effort *effort = arena_alloc(a, (m->n_effort + 1) * sizeof(*effort));
    struct plan_ceiling *ceilings = arena_alloc(a, (m->n_ceilings + 1) * sizeof(*ceilings));
    struct plan_mode_rule *modes = arena_alloc(a, (m->n_modes + 1) * sizeof(*modes));
    if (effort == NULL || ceilings == NULL || modes == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_effort; i++) {
        const Ismap__Liu__V1__AuditEffort *e = m->effort[i];
        bool own = e->control_id != NULL && e->control_id[0] != '\0';
        effort[i] = (struct plan_effort){.id = own ? e->control_id : NULL,
                                         .tier = (enum catalogue_tier)e->tier,
                                         .party = (enum plan_party)e->party,
                                         .design_hours = e->design_hours,
                                         .operating_hours = e->operating_hours};
    }
    for (size_t i = 0; i < m->n_ceilings; i++)
        ceilings[i] = (struct plan_ceiling){.year = (int32_t)m->ceilings[i]->year,
                                            .party = (enum plan_party)m->ceilings[i]->party,
                                            .hours = m->ceilings[i]->hours};
    for (size_t i = 0; i < m->n_modes; i++)
        modes[i] = (struct plan_mode_rule){.tier = (enum catalogue_tier)m->modes[i]->tier,
                                           .party = (enum plan_party)m->modes[i]->party,
                                           .mode = (enum plan_mode)m->modes[i]->mode};
    out->effort = effort;
    out->n_effort = m->n_effort;
    out->ceilings = ceilings;
    out->n_ceilings = m->n_ceilings;
    out->modes = modes;
    out->n_modes = m->n_modes;
    out->force_on_change = m->force_on_change != 0;
    const char *until = m->special_measure_until;
    out->special_measure_offered = until != NULL && until[0] != '\0';
    return out->special_measure_offered ? date_parse(until, &out->special_until_day) : ERR_OK;
}

enum err audit_record_policy(struct arena *a, const Ismap__Liu__V1__AuditRules *m,
                             struct plan_policy *out)
{
    struct plan_important *important = arena_alloc(a, m->n_important * sizeof(*important));
    if (important == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_important; i++)
        important[i] = (struct plan_important){.id = m->important[i]->id,
                                               .annual = m->important[i]->annual != 0};
    *out = (struct plan_policy){.rotation_years = m->rotation_years,
                                .internal_cycle_years = m->internal_cycle_years,
                                .internal_all_tiers = m->internal_all_tiers != 0,
                                .internal_sliding = m->internal_sliding != 0,
                                .important = important,
                                .n_important = m->n_important,
                                .hours_external = m->hours_per_external_item,
                                .hours_internal = m->hours_per_internal_item};
    return read_tables(a, m, out);
}

/* The wire's strings are `char *` but never written through. */
static char *text(struct arena *a, const char *s)
{
    return arena_strdup(a, s == NULL ? "" : s);
}

static enum err copy_items(struct arena *a, const struct plan *p, Ismap__Liu__V1__AuditPlan *m)
{
    m->items = arena_alloc(a, p->n * sizeof(*m->items));
    Ismap__Liu__V1__PlanItem *items = arena_alloc(a, p->n * sizeof(*items));
    if (m->items == NULL || items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_item *f = &p->items[i];
        ismap__liu__v1__plan_item__init(&items[i]);
        items[i].control_id = text(a, f->control_id);
        items[i].party = (Ismap__Liu__V1__AuditParty)f->party;
        items[i].year = f->year;
        items[i].reason = text(a, f->rule);
        items[i].hours = f->hours;
        items[i].mode = (Ismap__Liu__V1__AuditMode)f->mode;
        items[i].cause = (Ismap__Liu__V1__PlanCause)f->cause;
        items[i].cause_ref = text(a, f->ref);
        items[i].auditor = text(a, f->auditor);
        if (items[i].cause_ref == NULL || items[i].auditor == NULL || items[i].control_id == NULL ||
            items[i].reason == NULL)
            return ERR_NOMEM;
        m->items[i] = &items[i];
    }
    m->n_items = p->n;
    return ERR_OK;
}

static enum err copy_loads(struct arena *a, const struct plan *p, Ismap__Liu__V1__AuditPlan *m)
{
    m->loads = arena_alloc(a, p->years * sizeof(*m->loads));
    Ismap__Liu__V1__YearLoad *loads = arena_alloc(a, p->years * sizeof(*loads));
    if (m->loads == NULL || loads == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->years; i++) {
        const struct plan_load *f = &p->loads[i];
        ismap__liu__v1__year_load__init(&loads[i]);
        loads[i].year = f->year;
        loads[i].external_items = f->external_items;
        loads[i].external_hours = f->external_hours;
        loads[i].internal_items = f->internal_items;
        loads[i].internal_hours = f->internal_hours;
        loads[i].governance = f->governance;
        loads[i].management = f->management;
        loads[i].important = f->important;
        m->loads[i] = &loads[i];
    }
    m->n_loads = p->years;
    return ERR_OK;
}

static enum err set_hash(struct arena *a, Ismap__Liu__V1__AuditPlan *m)
{
    const uint8_t *packed = NULL;
    size_t bytes = 0;
    uint8_t *hash = arena_alloc(a, SHA256_BYTES);
    if (hash == NULL)
        return ERR_NOMEM;
    enum err e = wire_pack(a, &m->base, &packed, &bytes);
    if (e != ERR_OK)
        return e;
    struct crypto_part part = {packed, bytes};
    e = crypto_sha256(&part, 1, hash);
    if (e != ERR_OK)
        return e;
    m->plan_hash.data = hash;
    m->plan_hash.len = SHA256_BYTES;
    return ERR_OK;
}

enum err audit_record_plan(struct arena *a, const struct plan *p,
                           const struct audit_record_about *about, Ismap__Liu__V1__AuditPlan **out)
{
    Ismap__Liu__V1__AuditPlan *m = arena_alloc(a, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    ismap__liu__v1__audit_plan__init(m);
    m->case_id = text(a, about->case_id);
    m->provider = text(a, about->provider);
    m->catalogue_version = text(a, about->catalogue_version);
    m->rulebook_hash = text(a, about->rulebook_hash);
    m->core_version = text(a, AUDIT_CORE_VERSION);
    if (m->case_id == NULL || m->provider == NULL || m->catalogue_version == NULL ||
        m->rulebook_hash == NULL || m->core_version == NULL)
        return ERR_NOMEM;
    m->years = p->years;
    m->made_at_ms = about->made_at_ms;
    m->first_year = about->first_year;
    m->revision = about->revision;
    enum err e = copy_items(a, p, m);
    if (e == ERR_OK)
        e = copy_loads(a, p, m);
    if (e == ERR_OK)
        e = audit_record_put_moves(a, p, m);
    if (e == ERR_OK && about->in != NULL)
        e = audit_record_put_basis(a, about->in, m);
    if (e == ERR_OK && about->certificate != NULL)
        e = audit_record_put_certificate(a, about->certificate, m);
    if (e == ERR_OK)
        e = set_hash(a, m);
    if (e == ERR_OK)
        *out = m;
    return e;
}

static void read_load(const Ismap__Liu__V1__YearLoad *f, struct plan_load *out)
{
    *out = (struct plan_load){.year = f->year,
                              .external_items = f->external_items,
                              .external_hours = f->external_hours,
                              .internal_items = f->internal_items,
                              .internal_hours = f->internal_hours,
                              .governance = f->governance,
                              .management = f->management,
                              .important = f->important};
}

static const char *some(const char *s)
{
    return s != NULL && s[0] != '\0' ? s : NULL;
}

enum err audit_record_read_plan(struct arena *a, const Ismap__Liu__V1__AuditPlan *m,
                                struct plan *out, struct err_text *why)
{
    *out = (struct plan){.years = m->years, .n = m->n_items};
    if (m->years < 1 || m->years > PLAN_YEARS_MAX)
        return err_say(why, ERR_INVAL, "years: must be 1 to %d", PLAN_YEARS_MAX);
    if (m->n_loads != m->years)
        return err_say(why, ERR_INVAL, "loads: must be one for each of %u years", m->years);
    if (m->n_items > (size_t)2 * PLAN_YEARS_MAX * CATALOGUE_ITEMS_MAX)
        return err_say(why, ERR_INVAL, "items: too many");
    out->items = arena_alloc(a, m->n_items * sizeof(*out->items));
    if (out->items == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    for (size_t i = 0; i < m->n_items; i++) {
        const Ismap__Liu__V1__PlanItem *f = m->items[i];
        out->items[i] =
            (struct plan_item){.control_id = f->control_id,
                               .party = (enum plan_party)f->party,
                               .year = f->year,
                               .rule = f->reason,
                               .hours = f->hours,
                               .mode = f->mode == 0 ? PLAN_BOTH : (enum plan_mode)f->mode,
                               .cause = (enum plan_cause)f->cause,
                               .ref = some(f->cause_ref),
                               .auditor = some(f->auditor)};
    }
    for (size_t i = 0; i < m->n_loads; i++)
        read_load(m->loads[i], &out->loads[i]);
    return audit_record_get_moves(a, m, out);
}

enum err audit_record_check_hash(struct arena *a, const Ismap__Liu__V1__AuditPlan *m)
{
    Ismap__Liu__V1__AuditPlan again = *m;
    again.plan_hash = (ProtobufCBinaryData){0};
    enum err e = set_hash(a, &again);
    if (e != ERR_OK)
        return e;
    return m->plan_hash.len == SHA256_BYTES &&
                   memcmp(m->plan_hash.data, again.plan_hash.data, SHA256_BYTES) == 0
               ? ERR_OK
               : ERR_INVAL;
}

int32_t audit_record_first_year(const Ismap__Liu__V1__AuditPlan *m)
{
    if (m->first_year != 0)
        return m->first_year;
    char day[DATE_TEXT_BYTES];
    date_format(date_of_ms(m->made_at_ms), day);
    return (day[0] - '0') * 1000 + (day[1] - '0') * 100 + (day[2] - '0') * 10 + (day[3] - '0');
}
