/* The statement (言明書): which controls a provider declares, and why not the others. R61
 *
 * Pure. Of the Control Criteria 2.2.4: governance and management are declared throughout; an
 * objective of the controls tier is declared, or excluded with a reason; a basic statement
 * requirement (B) is declared unless its objective is excluded; any other detailed control is
 * selected, or there is a reason why not.
 */
#ifndef LIU_AUDIT_CORE_STATEMENT_H
#define LIU_AUDIT_CORE_STATEMENT_H

#include "services/audit/core/catalogue.h"

enum statement_choice { STATEMENT_DECLARED = 1, STATEMENT_EXCLUDED = 2 };

struct statement_entry {
    const char *id;
    enum statement_choice choice;
    const char *reason; /* of an exclusion; NULL or "" = none */
    uint32_t line;      /* of the file; 0 = not from a file */
};

struct statement_counts {
    uint32_t declared;
    uint32_t excluded; /* with their reason */
    uint32_t carried;  /* detailed controls that go with their excluded objective */
};

/* Every control of the catalogue that can be assessed has to be spoken of, but those below an
 * excluded objective. ERR_INVAL with every fault (line, id, R61); ERR_NOMEM. */
enum err statement_check(struct arena *a, const struct catalogue *c,
                         const struct statement_entry *entries, size_t n,
                         struct statement_counts *counts, struct audit_faults *faults) LIU_MUST_USE;

/* CSV "control,declared|excluded,reason" as base/rows.h reads it; the reason is all behind the
 * second comma. `text` is cut in place and must outlive the entries. ERR_INVAL with faults,
 * ERR_LIMIT (more lines than PLAN_CONTROLS_MAX), ERR_NOMEM. */
enum err statement_parse(struct arena *a, char *text, struct statement_entry **entries, size_t *n,
                         struct audit_faults *faults) LIU_MUST_USE;

#endif
