/* Rate and misuse of the urgent door; see door.h. */
#include "services/monitor/core/door.h"

static uint64_t minimum(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many of the n alerts that end at last_seq were never charged. */
static uint32_t uncharged(const struct door *d, uint64_t epoch, uint64_t last_seq, uint32_t n)
{
    if (epoch > d->epoch)
        return n;
    if (epoch < d->epoch || last_seq <= d->seq)
        return 0;
    return (uint32_t)minimum(n, last_seq - d->seq);
}

enum door_answer door_ask(struct door *d, uint32_t per_minute, uint64_t epoch, uint64_t last_seq,
                          uint32_t n, int64_t now_ms)
{
    uint32_t rate = per_minute == 0 ? DOOR_DEFAULT_PER_MINUTE : per_minute;
    uint64_t full = (uint64_t)rate * 1000u;
    if (d->filled_ms == 0 || now_ms - d->filled_ms >= 60000)
        d->thousandths = full;
    else if (now_ms > d->filled_ms)
        d->thousandths = minimum(full, d->thousandths + (uint64_t)(now_ms - d->filled_ms) *
                                                            (uint64_t)rate / 60u);
    if (d->filled_ms == 0 || now_ms > d->filled_ms)
        d->filled_ms = now_ms;
    uint32_t new_ones = uncharged(d, epoch, last_seq, n);
    if (new_ones == 0)
        return DOOR_OPEN;
    if (now_ms < d->closed_until_ms)
        return DOOR_CLOSED;
    return d->thousandths < minimum(full, (uint64_t)new_ones * 1000u) ? DOOR_TOO_FAST : DOOR_OPEN;
}

void door_charge(struct door *d, uint64_t epoch, uint64_t last_seq, uint32_t n, bool misused,
                 int64_t now_ms)
{
    uint32_t new_ones = uncharged(d, epoch, last_seq, n);
    if (new_ones == 0)
        return;
    d->epoch = epoch;
    d->seq = last_seq;
    d->thousandths -= minimum(d->thousandths, (uint64_t)new_ones * 1000u);
    if (!misused)
        return;
    if (d->strikes == 0 || now_ms - d->strikes_since_ms >= DOOR_STRIKE_WINDOW_MS) {
        d->strikes = 0;
        d->strikes_since_ms = now_ms;
    }
    if (++d->strikes >= DOOR_STRIKES) {
        d->closed_until_ms = now_ms + DOOR_CLOSED_MS;
        d->strikes = 0;
    }
}
