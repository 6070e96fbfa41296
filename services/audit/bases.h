/* Base services: services of the registry from which others inherit controls. R70
 *
 * Whether a base stands is never stored: listing and hold tell it whenever a plan is made. Stored
 * is only who depends on it, so that all of them are planned again when that may have changed.
 */
#ifndef LIU_AUDIT_BASES_H
#define LIU_AUDIT_BASES_H

#include "services/audit/scopes.h"

#define SCOPE_BASES_MAX 16u       /* of one service */
#define SCOPE_CHAIN_MAX 8u        /* services further down that a circle is looked for in */
#define BASE_DEPENDENTS_MAX 2048u /* of one base */
#define TIMER_BASES "bases"       /* the next dependents of a base; the record is its number */
#define TIMER_BASE "base"         /* one dependent; the record is NUMBER/CASE */

/* The scope with the year in which each base lapsed, 0 while it stands; a base that is not of this
 * registry stands. *scope NULL stays so, and is so without memory (*memory false). False: return
 * DECIDE_WAIT. */
bool bases_apply(struct work *w, const pb_scope **scope, bool *memory);

/* A control that is inherited in a circle would be audited by nobody. *at: the first of
 * now->inherited whose bases, from one to the next, come back to the service `own` ("" = it has no
 * number, so nobody rests on it); now->n_inherited when none does. ERR_AGAIN: return DECIDE_WAIT;
 * ERR_LIMIT: its bases rest on more than SCOPE_CHAIN_MAX others. */
enum err bases_circle(struct work *w, const pb_scope *now, const char *own,
                      size_t *at) LIU_MUST_USE;

/* Who depends on what after a statement. ERR_AGAIN: return DECIDE_WAIT; ERR_LIMIT: a base has as
 * many as are kept; ERR_NOMEM. */
enum err bases_follow(struct work *w, const pb_scope *old, const pb_scope *now) LIU_MUST_USE;

/* The state of this listing may have changed: whoever depends on it is planned again. False: return
 * DECIDE_WAIT. */
bool bases_moved(struct work *w, const char *number);

/* A problem while any base has lapsed, resolved when all stand. False: no memory. */
bool bases_tell(struct work *w, pb_standing *st, const pb_scope *applied);

work_fn audit_on_bases; /* TIMER_BASES */

#endif
