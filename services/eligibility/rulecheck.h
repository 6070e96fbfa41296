/* May this rulebook, or this target list, be put in force? The checks that every door uses: the
 * YAML reader, ActivateRulebook, the growth of the list.
 *
 * ERR_INVAL: *path names the field as in the YAML file (audit.important[3].id), *why says what is
 * wrong. ERR_NOMEM without memory.
 */
#ifndef LIU_ELIGIBILITY_RULECHECK_H
#define LIU_ELIGIBILITY_RULECHECK_H

#include "base/arena.h"
#include "ismap/liu/v1/judgment.pb-c.h"

enum err rulebook_check(struct arena *a, const Ismap__Liu__V1__Rulebook *r, const char **path,
                        const char **why) LIU_MUST_USE;

enum err targets_check(struct arena *a, const Ismap__Liu__V1__TargetList *t, const char **path,
                       const char **why) LIU_MUST_USE;

/* Identifier grammar of the control criteria (管理基準): chapters 3 to 18, two or three further
 * numbers, suffix P, B or PB. CC2022 1.3. */
bool rulecheck_is_control_id(const char *id);

#endif
