/* R82: how grave an alert is. A table of the rulebook over the actual AND the potential
 * (及ぼしうる) effect on confidentiality, integrity and availability, the class of the data, the
 * number of agencies (利用省庁) and whether the base or configuration is involved. The first
 * matching row decides.
 *
 * Nothing here is official but that there are grades and that a "particularly serious" one exists:
 * the table, the top grade and the treatment of the ungraded are parameters of the rulebook.
 *
 * Pure: no memory, no clock. The enums carry the numbers of the messages; map.c asserts it.
 */
#ifndef LIU_MONITOR_GRADE_H
#define LIU_MONITOR_GRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity {
    SEVERITY_UNSET = 0, /* ungraded */
    SEVERITY_LOW = 1,
    SEVERITY_MODERATE = 2,
    SEVERITY_HIGH = 3,
    SEVERITY_CRITICAL = 4, /* "particularly serious" (特に重大) */
};

enum effect {
    EFFECT_UNSTATED = 0,
    EFFECT_NONE = 1,
    EFFECT_LIMITED = 2,
    EFFECT_SERIOUS = 3,
    EFFECT_GRAVE = 4,
};

struct cia {
    enum effect confidentiality; /* 機密性 */
    enum effect integrity;       /* 完全性 */
    enum effect availability;    /* 可用性 */
};

/* What an alert states about itself. */
struct grade_input {
    struct cia actual;
    struct cia potential;
    uint32_t data_class; /* 0 = not stated */
    uint32_t agencies;   /* 0 = not stated */
    bool base_involved;
};

/* One row of the rulebook's table. A least effect of 0 leaves that axis out; a row that names no
 * axis asks nothing of the effects. `any_effect`: one named axis is enough; else all of them are
 * needed. */
struct grade_row {
    enum severity severity;
    uint32_t min_confidentiality;
    uint32_t min_integrity;
    uint32_t min_availability;
    uint32_t min_data_class;
    uint32_t min_agencies;
    bool base_involved; /* true: only when the base is involved */
    bool any_effect;
};

enum ungraded_policy {
    UNGRADED_PERSON_URGENT, /* rings for a person, never suspends by itself */
    UNGRADED_WORST,         /* is taken as the top grade */
};

struct grade_rules {
    const struct grade_row *rows; /* borrowed */
    size_t n_rows;
    enum ungraded_policy ungraded;
    enum severity top;
};

#define GRADE_NO_ROW SIZE_MAX

struct grade {
    enum severity severity; /* UNSET = ungraded: a person has to look */
    size_t row;             /* that decided, or GRADE_NO_ROW */
    bool by_policy;         /* ungraded, and taken as the top grade */
};

/* Of each axis the worse of actual and potential counts. Ungraded are: an alert that states none of
 * the six effects, and one that states some effect but that no row covers (a gap of the table goes
 * to a person, never nowhere). One whose stated effects are all NONE and that no row covers is LOW.
 */
struct grade grade_alert(const struct grade_rules *rules, const struct grade_input *in);

/* "UNGRADED", "LOW" ...; never NULL. */
const char *severity_name(enum severity s);

#endif
