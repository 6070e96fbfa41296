/* Suspending a registration and lifting it: the hold, who is told, and the clocks that start. R80,
 * R83.
 *
 * All of it is left on the work, so that it takes effect in one commit with whatever decided it.
 */
#ifndef LIU_MONITOR_SUSPEND_H
#define LIU_MONITOR_SUSPEND_H

#include "services/monitor/incident.h"
#include "services/monitor/map.h"

#define HOLD_HISTORY_MAX 32

/* One listing and what belongs to it. */
struct scene {
    const char *number;
    const pb_listing *listing; /* NULL = there is none */
    const pb_hold *hold;       /* NULL = never held; replaced by suspend_impose and suspend_lift */
    const pb_users *users;     /* NULL = no uses were declared */
};

/* False = return DECIDE_WAIT. */
bool scene_load(struct work *w, const char *number, struct scene *s);

/* Journal entries that a suspension or lifting of this listing takes: more than one when more
 * parties are told than one entry can name. */
size_t suspend_entries(const struct scene *s);

/* Puts the hold, emits SuspensionImposed (signed) to the public, the provider, the ministries that
 * assessed and those that declared a use, and starts the report clocks. `cause`: the feed or
 * operator (the notice says "alert" for a feed). ERR_CONFLICT when the hold cannot be suspended,
 * ERR_NOMEM. The incident itself is the caller's. */
enum err suspend_impose(struct work *w, struct scene *s, const struct rules *rules,
                        const char *incident_id, const char *cause,
                        const char *reason) LIU_MUST_USE;

/* Puts the hold back, emits SuspensionLifted to the same audience, stops the report clocks. */
enum err suspend_lift(struct work *w, struct scene *s, const char *by, const char *basis,
                      const char *reason) LIU_MUST_USE;

/* Tells operators of a new incident, and its provider too when `provider`. */
void incident_emit_opened(struct work *w, const pb_incident *inc, const struct scene *s,
                          bool provider);

/* Rings an operator's alarm: `kind` is a stable word. incident_id "" = about no incident. */
void alarm_ring(struct work *w, const char *incident_id, const char *kind, const char *ja,
                const char *en);

#endif
