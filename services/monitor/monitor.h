/* Shared by the files of services/monitor only: what the service keeps in memory, and short names
 * for the messages it works with.
 *
 * Nothing kept here decides anything by itself: the match index and the book point to records,
 * which are then read and guarded; the doors only slow a feed down.
 */
#ifndef LIU_MONITOR_MONITOR_H
#define LIU_MONITOR_MONITOR_H

#include "flow/service.h"
#include "flow/work.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/envelope.pb-c.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "obs/metrics.h"
#include "services/monitor/core/book.h"
#include "services/monitor/core/door.h"
#include "services/monitor/core/match.h"

typedef Ismap__Liu__V1__Alert pb_alert;
typedef Ismap__Liu__V1__AlarmRang pb_alarm;
typedef Ismap__Liu__V1__AlertOutcome pb_outcome;
typedef Ismap__Liu__V1__TakenBatch pb_batch;
typedef Ismap__Liu__V1__Brake pb_brake;
typedef Ismap__Liu__V1__Feed pb_feed;
typedef Ismap__Liu__V1__FeedLane pb_lane;
typedef Ismap__Liu__V1__Hold pb_hold;
typedef Ismap__Liu__V1__HoldChange pb_hold_change;
typedef Ismap__Liu__V1__Incident pb_incident;
typedef Ismap__Liu__V1__IncidentSource pb_source;
typedef Ismap__Liu__V1__IncidentStep pb_step;
typedef Ismap__Liu__V1__KeptAlerts pb_kept;
typedef Ismap__Liu__V1__Listing pb_listing;
typedef Ismap__Liu__V1__PushAlerts pb_push;
typedef Ismap__Liu__V1__Rulebook pb_rulebook;
typedef Ismap__Liu__V1__ServiceUsers pb_users;

#define STATUS(x) ISMAP__LIU__V1__STATUS__STATUS_##x
#define TEXT(s)                                                                                    \
    ((char *)(uintptr_t)(s)) /* protobuf-c's fields are not const; nothing is written through them \
                              */

/* Timers of this service: kind, and what the record is. */
#define TIMER_BRAKE "brake"   /* incident: a held suspension rings again, R92 */
#define TIMER_PRELIM "prelim" /* incident: the preliminary report (速報) is due, R80 */
#define TIMER_FINAL "final"   /* incident: the final report (確報) is due, R80 */
#define TIMER_WATCH "watch"   /* feed: silence is an alarm */

#define BRAKE_ID "brake"
#define LISTINGS_MAX 200000
#define DOORS_MAX                                                                                  \
    1024 /* feeds whose urgent rate is remembered at once; the longest unused makes room */

struct settings {
    char *urgent_endpoint;
    char *bulk_endpoint;
    char *second_urgent_endpoint;
    char *second_bulk_endpoint;
};

struct feed_door {
    char feed[40];
    int64_t used_ms;
    struct door door;
};

struct monitor {
    struct match_index *current; /* listings registered or renewal pending */
    struct match_index
        *others;       /* applied, expired, cancelled: asked only when `current` finds nothing */
    struct book *book; /* open incidents by topic */
    struct feed_door *doors;
    size_t n_doors;
    struct metric *m_alerts;
    struct metric *m_incidents;
    struct metric *m_suspensions;
    struct metric *m_held;
    struct metric *m_changed; /* numbers that came again with other bytes */
    struct metric *m_misuse;
    struct metric *m_silent;
};

/* state.c */
enum err monitor_create(const struct service_env *env, void **state, struct err_text *why);
void monitor_destroy(void *state);
void monitor_listing_changed(void *state, const char *id, uint64_t revision,
                             const ProtobufCMessage *m);
void monitor_incident_changed(void *state, const char *id, uint64_t revision,
                              const ProtobufCMessage *m);
struct match_found monitor_match(const struct monitor *mon, const struct match_ref *ref);
/* The door of a feed; makes room when there is none. Never NULL. */
struct door *monitor_door(struct monitor *mon, const char *feed, int64_t now_ms);

/* The tables (service.c) and what stands in them. */
extern const struct service monitor_service;

work_fn push_alerts;                                         /* push.c */
work_fn confirm_incident, lift_suspension, suspend_service;  /* orders.c */
work_fn add_feed, revoke_feed, list_feeds;                   /* feeds.c */
work_fn list_incidents, get_incident;                        /* queries.c */
work_fn timer_brake, timer_report, timer_final, timer_watch; /* clocks.c */

#endif
