/* See ease.h. What the thread waited for counts as work: where others want the processor or the
 * disk, it rests longer. */
#include "services/ledger/ease.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/clock.h"

#define PIECE_US 200
#define REST_MOST_US 10000

static _Thread_local struct {
    unsigned percent; /* 0 = never rests */
    const atomic_bool *hurry;
    int64_t began_us;
} mine;

void ease_begin(unsigned percent, const atomic_bool *hurry)
{
    mine.percent = percent;
    mine.hurry = hurry;
    mine.began_us = clock_mono_us();
}

void ease(void)
{
    if (mine.percent == 0 || mine.percent >= 100)
        return;
    int64_t worked_us = clock_mono_us() - mine.began_us;
    if (worked_us < PIECE_US || atomic_load_explicit(mine.hurry, memory_order_relaxed))
        return;
    int64_t rest_us = worked_us * (100 - mine.percent) / mine.percent;
    if (rest_us > REST_MOST_US)
        rest_us = REST_MOST_US;
    (void)nanosleep(&(struct timespec){.tv_nsec = (long)rest_us * 1000}, NULL);
    mine.began_us = clock_mono_us();
}
