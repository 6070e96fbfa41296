/* What monitor is: who may send what, at which door, and what it keeps in memory. */
#include <stddef.h>

#include "base/limits.h"
#include "services/monitor/monitor.h"

#define TYPE(x) &ismap__liu__v1__##x##__descriptor
#define OPERATOR ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_OPERATOR)
#define PROVIDER ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_PROVIDER)
#define FEED ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_FEED)
#define NUMBERED (ROW_CHANGES | ROW_NO_RECEIPT | ROW_SERIAL)

/* clang-format off */
static const struct dispatch_row rows[] = {
    {TYPE(push_alerts),      FEED,                NUMBERED | ROW_URGENT,    LIMIT_URGENT_FRAME_BYTES, "urgent", push_alerts},
    {TYPE(push_alerts),      FEED,                NUMBERED | ROW_NOISE,     0, "bulk", push_alerts},
    {TYPE(confirm_incident), OPERATOR,            ROW_CHANGES | ROW_SIGNED | ROW_URGENT, 0, NULL, confirm_incident},
    {TYPE(lift_suspension),  OPERATOR,            ROW_CHANGES | ROW_SIGNED | ROW_RESERVE, 0, NULL, lift_suspension},
    {TYPE(suspend_service),  OPERATOR,            ROW_CHANGES | ROW_SIGNED | ROW_URGENT, 0, NULL, suspend_service},
    {TYPE(add_feed),         OPERATOR,            ROW_CHANGES | ROW_SIGNED, 0, NULL, add_feed},
    {TYPE(revoke_feed),      OPERATOR,            ROW_CHANGES | ROW_SIGNED | ROW_URGENT, 0, NULL, revoke_feed},
    {TYPE(list_feeds),       OPERATOR,            0,                        0, NULL, list_feeds},
    {TYPE(list_incidents),   OPERATOR | PROVIDER, 0,                        0, NULL, list_incidents},
    {TYPE(get_incident),     OPERATOR | PROVIDER, 0,                        0, NULL, get_incident},
};
/* clang-format on */

static const struct timer_row timers[] = {
    {TIMER_BRAKE, timer_brake},
    {TIMER_PRELIM, timer_report},
    {TIMER_FINAL, timer_final},
    {TIMER_WATCH, timer_watch},
};

static const struct view_row views[] = {
    {RECORD_LISTING, monitor_listing_changed, true},
    {RECORD_INCIDENT, monitor_incident_changed, true},
    {RECORD_HOLD, NULL, true},
    {RECORD_USERS, NULL, true},
    {RECORD_LANE, NULL, true},
    {RECORD_BRAKE, NULL, true},
};

static const struct door_row doors[] = {
    {"urgent", "urgent_endpoint", "tcp://127.0.0.1:5714", "second_urgent_endpoint", true},
    {"bulk", "bulk_endpoint", "tcp://127.0.0.1:5724", "second_bulk_endpoint", false},
};

static const struct conf_row settings_rows[] = {
    {.name = "urgent_endpoint",
     .type = CONF_STRING,
     .offset = offsetof(struct settings, urgent_endpoint),
     .min = 1,
     .fallback = "tcp://127.0.0.1:5714",
     .help = "where feeds push urgent alerts (ZeroMQ endpoint)"},
    {.name = "bulk_endpoint",
     .type = CONF_STRING,
     .offset = offsetof(struct settings, bulk_endpoint),
     .min = 1,
     .fallback = "tcp://127.0.0.1:5724",
     .help = "where feeds push all other alerts (ZeroMQ endpoint)"},
    {.name = "second_urgent_endpoint",
     .type = CONF_STRING,
     .offset = offsetof(struct settings, second_urgent_endpoint),
     .fallback = "",
     .help = "urgent door under the second key, while keys are changed",
     .reloadable = true},
    {.name = "second_bulk_endpoint",
     .type = CONF_STRING,
     .offset = offsetof(struct settings, second_bulk_endpoint),
     .fallback = "",
     .help = "bulk door under the second key",
     .reloadable = true},
};

#define COUNT(x) (sizeof(x) / sizeof(x)[0])

const struct service monitor_service = {
    .name = "monitor",
    .main_fallback = "tcp://127.0.0.1:5704",
    .http_fallback = "127.0.0.1:9104",
    .rows = rows,
    .n_rows = COUNT(rows),
    .timers = timers,
    .n_timers = COUNT(timers),
    .views = views,
    .n_views = COUNT(views),
    .doors = doors,
    .n_doors = COUNT(doors),
    .settings = settings_rows,
    .n_settings = COUNT(settings_rows),
    .settings_bytes = sizeof(struct settings),
    .create = monitor_create,
    .destroy = monitor_destroy,
};
