/* Between the messages and the core's own types. The core's enums have the numbers of the messages;
 * map.c asserts it when it is compiled, so that a cast is a mapping.
 */
#ifndef LIU_MONITOR_MAP_H
#define LIU_MONITOR_MAP_H

#include "domain/effective.h"
#include "services/monitor/core/decide.h"
#include "services/monitor/core/grade.h"
#include "services/monitor/core/lane.h"
#include "services/monitor/monitor.h"

/* The incident part of a rulebook. */
struct rules {
    struct grade_rules grade;
    struct decide_rules decide;
    int64_t brake_clock_ms; /* 0 = rings once */
    int64_t prelim_ms;      /* 0 = no clock */
    int64_t final_ms;
    const char *lift_authority; /* R86; "" = not said */
};

/* False without memory. `rb` must have an incident part. What the rulebook has no parameter for: an
 * incident for a person is opened from HIGH on (or from the top grade, if that is lower). */
bool map_incident_rules(struct arena *a, const pb_rulebook *rb, struct rules *out);

struct grade_input map_alert(const pb_alert *alert);
struct match_ref map_ref(const pb_alert *alert);
struct decide_feed map_feed(const pb_feed *feed); /* borrows */

/* Borrows; NULL = the empty lane. */
struct lane_state map_lane(const pb_lane *lane);

struct brake map_brake(const pb_brake *brake); /* NULL = all 0 */

/* Identity of a listing for the index; borrows. */
struct match_listing map_listing(const pb_listing *listing);

bool map_registered(const pb_listing *listing); /* registered or renewal pending; NULL = false */
bool map_suspended(const pb_hold *hold);        /* NULL = false */

#endif
