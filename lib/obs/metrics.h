/* Counters, gauges and histograms, printed as Prometheus text. One thread; no locks.
 *
 * A metric is registered once by name; labels are part of the registration ("type=\"X\"").
 * Registering the same name and labels again gives the same metric. At most 512 metrics a process;
 * beyond that the overflow metric is returned, never NULL.
 */
#ifndef LIU_OBS_METRICS_H
#define LIU_OBS_METRICS_H

#include <stdint.h>

#include "base/buf.h"

struct metric;

struct metric *metrics_counter(const char *name, const char *labels, const char *help);
struct metric *metrics_gauge(const char *name, const char *labels, const char *help);
/* Buckets in microseconds, doubling from 50 us to 13 s; exported in seconds. */
struct metric *metrics_histogram(const char *name, const char *labels, const char *help);

void metric_add(struct metric *m, uint64_t n);
void metric_set(struct metric *m, int64_t value);
int64_t metric_value(const struct metric *m); /* of a counter or gauge */
void metric_observe_us(struct metric *m, int64_t us);

void metrics_render(struct buf *out);
void metrics_reset(void); /* tests */

#endif
