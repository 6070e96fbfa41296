/* The journal's time as a lower bound of ours. */
#include "flow/internal.h"

#include "base/clock.h"

void flow_follow_clock(struct flow *f, int64_t at_ms)
{
    bool far = at_ms > clock_wall_ms() + LIMIT_CLOCK_FOLLOWED_MS;
    if (far && !f->clock_told)
        log_event(LOG_LEVEL_ERROR, "clock-not-followed",
                  "the journal is more than 48 h ahead of this clock: one of the two is wrong",
                  NULL);
    f->clock_told = far;
    if (!far && at_ms > f->last_now_ms)
        f->last_now_ms = at_ms;
}
