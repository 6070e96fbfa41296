/* Between the messages and the core's own structs: the only place that knows both.
 *
 * What comes out borrows the strings of the message that went in and takes arrays from the arena.
 * Everything returns ERR_OK or ERR_NOMEM.
 */
#ifndef LIU_ELIGIBILITY_MAP_H
#define LIU_ELIGIBILITY_MAP_H

#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "services/eligibility/core/eligibility.h"

/* Short for the generated names. */
#define PB(name) Ismap__Liu__V1__##name

enum err map_case(struct arena *a, const PB(Case) * m, struct elig_case *out) LIU_MUST_USE;
enum err map_rules(struct arena *a, const PB(Rulebook) * m, struct elig_rules *out) LIU_MUST_USE;
enum err map_target(struct arena *a, const PB(TargetBusiness) * m,
                    struct elig_target *out) LIU_MUST_USE;
enum err map_list(struct arena *a, const PB(TargetList) * m, struct elig_list *out) LIU_MUST_USE;
void map_confirmation(const PB(Confirmation) * m, struct elig_confirmation *out);

/* What of a verdict the core does not know. */
struct map_context {
    const char *case_id;
    const char *rulebook_hash; /* "" = none in force */
    uint32_t list_version;     /* 0 = none */
    uint32_t evidence_version;
};
/* Texts are copied; *out lives in the arena. */
enum err map_verdict(struct arena *a, const struct elig_verdict *v, const struct map_context *x,
                     PB(Verdict) * *out) LIU_MUST_USE;

#endif
