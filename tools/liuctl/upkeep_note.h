/* What liuctl notes in the store for `status` and the services' metrics: the last backup, the last
 * drill (health.proto, Upkeep).
 */
#ifndef LIU_LIUCTL_UPKEEP_NOTE_H
#define LIU_LIUCTL_UPKEEP_NOTE_H

#include "ismap/liu/v1/health.pb-c.h"
#include "liuctl/store_session.h"

/* False when it could not be written. The session is ready. */
bool upkeep_note(struct session *s, const char *id, const Ismap__Liu__V1__Upkeep *m);

#endif
