/* JSON log lines on stderr, written by a thread of their own from a bounded ring: a reader who
 * stops never stops the service. Lines that do not fit are dropped and counted.
 *
 * A line has time, level, service, a stable event id (kebab-case, documented where it is raised), a
 * message, and named values. Secrets and personal data are never passed here.
 */
#ifndef LIU_OBS_LOG_H
#define LIU_OBS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Starts the writer. Before it (and in tools) lines go to stderr directly as text. */
enum err log_start(const char *service, enum log_level least) LIU_MUST_USE;
void log_stop(void); /* writes what is in the ring, waiting at most 1 s */
void log_set_level(enum log_level least);
uint64_t log_dropped(void);

/* log_event(LOG_LEVEL_WARN, "redis-lost", "connection lost", "address", addr, "why", why, NULL):
 * pairs of strings ended by NULL. */
void log_event(enum log_level level, const char *event, const char *message, ...)
    __attribute__((sentinel));

#endif
