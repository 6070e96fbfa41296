/* The scope of a case as a record: what was told of it since its last plan, and what the planner is
 * given of that.
 *
 * Copies live in the work's arena; what is not changed is borrowed from the stored record.
 */
#ifndef LIU_AUDIT_SCOPES_H
#define LIU_AUDIT_SCOPES_H

#include "ismap/liu/v1/scope.pb-c.h"
#include "services/audit/core/scope.h"
#include "services/audit/shell.h"

#define SCOPE_NOTICES_MAX 64u
#define SCOPE_INCIDENTS_MAX 64u

typedef Ismap__Liu__V1__AuditScope pb_scope;

/* A copy, or a new one when `old` is NULL. NULL: no memory. */
pb_scope *scope_edit(struct arena *a, const pb_scope *old, const char *case_id,
                     const char *provider);

/* Adds that this happened to each of these controls, `what` without its id. ERR_LIMIT when there is
 * more than a scope holds, ERR_NOMEM. */
enum err scope_happened(struct work *w, pb_scope *s, const char *const *controls, size_t n,
                        const struct plan_trigger *what) LIU_MUST_USE;

/* What is stated, as the core knows it; of no scope: nothing. False: no memory. */
bool scope_statement(struct arena *a, const pb_scope *s, struct scope_statement *out) LIU_MUST_USE;

/* What happened by this cause and ref did not happen. False: no memory. */
bool scope_drop(struct arena *a, pb_scope *s, enum plan_cause cause, const char *ref) LIU_MUST_USE;

/* A copy of what is remembered of this incident, in its place; a new one when there is none. NULL:
 * no memory. */
Ismap__Liu__V1__IncidentRef *scope_incident(struct arena *a, pb_scope *s, const char *incident_id);

/* The scope's part of a plan's input, whose catalogue is known: what the catalogue no longer has
 * needs no exclusion. `s` may be NULL; with what bases_apply (bases.h) has found of its bases.
 * ERR_NOMEM. */
enum err scope_input(struct arena *a, const pb_scope *s, struct plan_input *in) LIU_MUST_USE;

#endif
