/* Who may ask the eligibility service for what, and what it acts on: readable on one screen. */
#include "services/eligibility/eligibility_service.h"

#include "services/eligibility/judging.h"

#define TYPE(name) &ismap__liu__v1__##name##__descriptor
#define OPERATOR ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_OPERATOR)
#define PROVIDER ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_PROVIDER)
#define MINISTRY ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_MINISTRY)
#define DECISION (ROW_CHANGES | ROW_SIGNED)
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct dispatch_row ROWS[] = {
    {TYPE(confirm_verdict), OPERATOR, DECISION, 0, NULL, on_confirm_verdict},
    {TYPE(activate_rulebook), OPERATOR, DECISION, 0, NULL, on_activate_rulebook},
    {TYPE(get_verdict), OPERATOR | PROVIDER | MINISTRY, 0, 1024, NULL, on_get_verdict},
    {TYPE(replay_verdict), OPERATOR | PROVIDER, 0, 1024, NULL, on_replay_verdict},
    {TYPE(get_targets), ROLES_ALL, 0, 1024, NULL, on_get_targets},
};

static const struct consumer_row CONSUMERS[] = {
    {TYPE(case_submitted), on_case_submitted},
    {TYPE(assessment_recorded), on_assessment_recorded},
};

static const struct timer_row TIMERS[] = {
    {JUDGING_RETRY_KIND, on_rejudge},
};

const struct service eligibility_service = {
    .name = "eligibility",
    .main_fallback = "tcp://127.0.0.1:5702",
    .http_fallback = "127.0.0.1:9102",
    .rows = ROWS,
    .n_rows = COUNT(ROWS),
    .consumers = CONSUMERS,
    .n_consumers = COUNT(CONSUMERS),
    .timers = TIMERS,
    .n_timers = COUNT(TIMERS),
};
