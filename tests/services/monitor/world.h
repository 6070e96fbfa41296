/* A small scheme for monitor's tests: a rulebook, feeds, listings with users, and alerts made in a
 * line. */
#ifndef LIU_TESTS_MONITOR_WORLD_H
#define LIU_TESTS_MONITOR_WORLD_H

#include "support/fake_work.h"
#include "services/monitor/incident.h"
#include "services/monitor/monitor.h"

/* Rulebook: CRITICAL from one grave effect, HIGH from a serious one, MODERATE from a limited one;
 * two operators corroborate within 1 h; the brake lets 20 through in 1 h and rings every 10 min;
 * reports after 24 h and 30 days. Feeds: "strong" (jpcert, all, CRITICAL), "weak" (vendor, all,
 * HIGH), "other" (agency, all, HIGH), "narrow" (city, LIU-2 only, CRITICAL). Listings: LIU-1 to
 * LIU-40 registered, domain sN.example, provider csp-N, ministry "mof"; LIU-1 is also used by
 * "meti" and "mof"; LIU-90 applied for, domain applied.example. */
struct world {
    struct work w;
    struct monitor *mon;
    struct signing_key *key; /* the scheme's */
    bool late; /* listings are written a moment ago: the views have not heard of them */
};

int world_setup(void **state);
int world_teardown(void **state);

void world_rules(struct world *wd, uint32_t brake, const char *ungraded_policy);
void world_listing(struct world *wd, const char *number, const char *domain, const char *provider,
                   Ismap__Liu__V1__ListingState state);

Ismap__Liu__V1__Status world_send(struct world *wd, const char *actor, Ismap__Liu__V1__Role role,
                                  const char *door, work_fn *fn, const ProtobufCMessage *m);

extern int64_t fake_mono_ms; /* of the monotonic clock; works have their own time */

#define PUSH_MAX 256

/* One message of alerts, filled by say(). */
struct said {
    pb_push push;
    pb_alert alerts[PUSH_MAX];
    Ismap__Liu__V1__ServiceRef refs[PUSH_MAX];
    Ismap__Liu__V1__CiaEffect effects[PUSH_MAX];
    pb_alert *list[PUSH_MAX];
    char ids[PUSH_MAX][16];
};

void said_begin(struct said *s, Ismap__Liu__V1__Lane lane, uint64_t first_seq);
/* An alert of this worst effect (0 = ungraded) about a domain ("" = nothing). */
void say(struct said *s, Ismap__Liu__V1__EffectLevel effect, const char *domain);

Ismap__Liu__V1__Status push(struct world *wd, const char *feed, struct said *s);
/* One alert at the urgent door under the feed's next number. */
Ismap__Liu__V1__Status push_one(struct world *wd, const char *feed,
                                Ismap__Liu__V1__EffectLevel effect, const char *domain);

const Ismap__Liu__V1__AlertsTaken *taken(const struct world *wd);
/* Verdict of the n-th outcome; 0 when there are fewer. */
int verdict(const struct world *wd, size_t n);
const pb_incident *incident_of(struct world *wd, size_t outcome);
bool suspended(struct world *wd, const char *number);

#define GRAVE ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_GRAVE
#define SERIOUS ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_SERIOUS
#define LIMITED ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_LIMITED
#define UNSTATED ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_UNSPECIFIED
#define URGENT ISMAP__LIU__V1__LANE__LANE_URGENT
#define BULK ISMAP__LIU__V1__LANE__LANE_BULK
#define V(x) ((int)ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_##x)
#define OPERATOR ISMAP__LIU__V1__ROLE__ROLE_OPERATOR
#define PROVIDER ISMAP__LIU__V1__ROLE__ROLE_PROVIDER
#define FEED ISMAP__LIU__V1__ROLE__ROLE_FEED
#define OK STATUS(OK)

#endif
