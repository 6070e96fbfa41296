/* The grading table of R82; see grade.h. */
#include "services/monitor/core/grade.h"

static enum effect worse(enum effect a, enum effect b)
{
    return a > b ? a : b;
}

static bool effects_match(const struct grade_row *row, const struct cia *e)
{
    const uint32_t least[3] = {row->min_confidentiality, row->min_integrity, row->min_availability};
    const uint32_t found[3] = {(uint32_t)e->confidentiality, (uint32_t)e->integrity,
                               (uint32_t)e->availability};
    unsigned named = 0;
    unsigned held = 0;
    for (size_t i = 0; i < 3; i++) {
        named += least[i] > 0;
        held += least[i] > 0 && found[i] >= least[i];
    }
    return row->any_effect ? named == 0 || held > 0 : held == named;
}

static bool row_matches(const struct grade_row *row, const struct cia *e,
                        const struct grade_input *in)
{
    return in->data_class >= row->min_data_class && in->agencies >= row->min_agencies &&
           (!row->base_involved || in->base_involved) && effects_match(row, e);
}

struct grade grade_alert(const struct grade_rules *rules, const struct grade_input *in)
{
    struct grade g = {.severity = SEVERITY_UNSET, .row = GRADE_NO_ROW};
    const struct cia e = {worse(in->actual.confidentiality, in->potential.confidentiality),
                          worse(in->actual.integrity, in->potential.integrity),
                          worse(in->actual.availability, in->potential.availability)};
    enum effect worst = worse(e.confidentiality, worse(e.integrity, e.availability));
    for (size_t i = 0; worst != EFFECT_UNSTATED && i < rules->n_rows; i++) {
        if (!row_matches(&rules->rows[i], &e, in))
            continue;
        g.severity = rules->rows[i].severity;
        g.row = i;
        return g;
    }
    if (worst == EFFECT_NONE) {
        g.severity = SEVERITY_LOW;
    } else if (rules->ungraded == UNGRADED_WORST) {
        g.severity = rules->top;
        g.by_policy = true;
    }
    return g;
}

const char *severity_name(enum severity s)
{
    static const char *const names[] = {"UNGRADED", "LOW", "MODERATE", "HIGH", "CRITICAL"};
    return (unsigned)s < sizeof names / sizeof names[0] ? names[s] : "UNKNOWN";
}
