/* What is wrong with a catalogue, a policy or a plan: all of it at once, for a person to read.
 *
 * Pure. Texts live in the caller's arena or are literals. At most AUDIT_FAULTS_MAX are kept; `n`
 * counts all of them, so that "and 12 more" can be said; reading a file ends at the first that is
 * not kept.
 */
#ifndef LIU_AUDIT_CORE_FAULTS_H
#define LIU_AUDIT_CORE_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define AUDIT_FAULTS_MAX 64

struct audit_fault {
    uint32_t line;     /* of the file; 0 = not from a file */
    const char *field; /* column or field name, or the control's id */
    const char *rule;  /* rule broken: R60, R62, R63, R64, R68 */
    const char *ja;
    const char *en;
};

struct audit_faults {
    struct audit_fault items[AUDIT_FAULTS_MAX];
    size_t n; /* found; the first AUDIT_FAULTS_MAX are in items */
};

/* Adds a fault. `field` is copied into the arena; without memory a literal stands for it. `ja` and
 * `en` must be literals or live in an arena. */
void audit_fault_add(struct audit_faults *f, struct arena *a, uint32_t line, const char *field,
                     const char *rule, const char *ja, const char *en);

/* How many of items are filled. */
size_t audit_faults_kept(const struct audit_faults *f);

#endif
