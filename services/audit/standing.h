/* Editing a copy of a service's standing within a work.
 *
 * Copies and their parts live in the arena; what is not changed is borrowed from the stored one.
 * NULL or false: no memory; the caller ends with work_no_memory.
 */
#ifndef LIU_AUDIT_STANDING_H
#define LIU_AUDIT_STANDING_H

#include "services/audit/shell.h"

#define STANDING_HISTORY_MAX 8192u
#define STANDING_FINDINGS_MAX 256u
#define STANDING_PROBLEMS_MAX 64u
#define STANDING_PENDING_MAX 16u
#define STANDING_KEPT_MAX 16u
#define STANDING_PROBLEM_CONTROLS_MAX 256u /* named in one problem; the standing's view has all */

/* A copy, or a new one when `old` is NULL. */
pb_standing *standing_edit(struct arena *a, const pb_standing *old, const char *case_id,
                           const char *provider);

/* The line of a year and party; made when it is not there. */
pb_year *standing_year(struct arena *a, pb_standing *s, int32_t year, Ismap__Liu__V1__AuditParty p);
/* The same without making one: NULL = none. Works on stored standings. */
const pb_year *standing_find_year(const pb_standing *s, int32_t year, Ismap__Liu__V1__AuditParty p);

/* What was really audited, merged into the history. R65, R69 */
bool standing_audited(struct arena *a, pb_standing *s, const pb_results *r, int32_t year,
                      Ismap__Liu__V1__AuditParty p);

/* Findings of a report in place of those of the report it corrects ("" = none). Beyond
 * STANDING_FINDINGS_MAX the oldest go: the reports keep them. */
bool standing_findings(struct arena *a, pb_standing *s, const pb_report *r);

/* Opens the problem of this kind and year, or gives the open one back; *news tells which. Texts are
 * borrowed. With STANDING_PROBLEMS_MAX the oldest makes room. */
pb_problem *standing_problem(struct arena *a, pb_standing *s, Ismap__Liu__V1__AuditProblemKind kind,
                             int32_t year, int64_t now_ms, const char *ja, const char *en,
                             bool *news);
/* Resolves all open problems of a kind. */
bool standing_resolve_all(struct work *w, pb_standing *s, Ismap__Liu__V1__AuditProblemKind kind,
                          const char *resolution);
/* A copy of the open problem of this id, in its place; *out NULL = there is none. */
bool standing_edit_problem(struct arena *a, pb_standing *s, const char *id, pb_problem **out);
/* Resolves the open problem of this kind and year and tells; nothing when there is none. */
bool standing_resolve(struct work *w, pb_standing *s, Ismap__Liu__V1__AuditProblemKind kind,
                      int32_t year, const char *resolution);
/* Its id, in the arena. */
const char *standing_problem_id(struct arena *a, Ismap__Liu__V1__AuditProblemKind kind,
                                int32_t year);

/* One more reason to plan again. With STANDING_PENDING_MAX the oldest makes room. */
bool standing_reason(struct work *w, pb_standing *s, Ismap__Liu__V1__ReplanCause cause,
                     const char *ref);
/* The same, and the timer that plans: after an incident a while later, for planning is never urgent
 * and a second incident may be. What happens meanwhile is planned with it. */
#define STANDING_INCIDENT_PAUSE_MS 5000
bool standing_replan(struct work *w, pb_standing *s, Ismap__Liu__V1__ReplanCause cause,
                     const char *ref);

/* History as the core reads it. NULL: no memory. */
const struct plan_history *standing_history(struct arena *a, const pb_standing *s, size_t *n);

/* What internal audits have really covered of a catalogue, but for what is excluded, up to a year
 * that is over (R68). `s` and `scope` may be NULL. ERR_NOMEM; ERR_INVAL, ERR_LIMIT when catalogue
 * or rules cannot be read. */
enum err audit_coverage(struct arena *a, const pb_standing *s,
                        const Ismap__Liu__V1__AuditScope *scope,
                        const Ismap__Liu__V1__Catalogue *catalogue, const pb_audit_rules *rules,
                        int32_t upto, struct coverage *out) LIU_MUST_USE;

/* Tells everybody concerned. `found`: AuditProblemFound, otherwise AuditProblemResolved. */
void standing_tell(struct work *w, const pb_standing *s, pb_problem *p, bool found);

#endif
