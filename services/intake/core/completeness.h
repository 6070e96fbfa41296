/* What makes a pre-application (事前申請) acceptable: R12, R13, R14, R15.
 *
 * A pre-application is the provider's form and the ministries' assessments. The form is checked
 * here for what spans several fields (who is asked); single fields are checked by the message
 * tables before.
 */
#ifndef LIU_INTAKE_CORE_COMPLETENESS_H
#define LIU_INTAKE_CORE_COMPLETENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/intake/core/violations.h"

#define ASKED_MINISTRIES_MAX 8
#define ATTACHED_MAX 8
#define ASSESSMENTS_MAX 16

/* R15: the GbizID reference (gビズID) must be there. At most ASKED_MINISTRIES_MAX ministries are
 * asked, each once, and never the provider itself. Whether they exist is not asked here: an id
 * without a party sees nothing. */
struct form_facts {
    const char *provider;
    const char *gbiz_id;
    char *const *asked;
    size_t n_asked;
    size_t n_attached;
};
void completeness_check_form(const struct form_facts *f, struct violations *out);

/* One information item (情報項目) of a sheet. */
struct item_facts {
    const char *description;
    uint32_t classes[3]; /* C, I, A */
    int levels[3];
    const char *reason;
};

/* An assessment sheet (影響度評価シート). R14: the fields without which it is returned. */
struct sheet_facts {
    const char *ministry;
    const char *business; /* description of it as the ministry sees it */
    const char *assessor;
    const char *approver;
    const char *assessed_on;
    const struct item_facts *items;
    size_t n_items;
};

/* R13: names each missing mandatory field, with `prefix` in front of its path ("assessment."). A
 * sheet with no violation is complete. */
void completeness_check_sheet(const struct sheet_facts *f, const char *prefix,
                              struct violations *out);

/* R12: bureaux (部局) of one ministry are one body. `party_body` is Party.body of the assessing
 * party; empty means that the party is a body of its own. */
const char *completeness_body(const char *party_id, const char *party_body);

/* Distinct bodies among n. */
uint32_t completeness_bodies(const char *const *bodies, size_t n);

#endif
