/* Which Redis is the primary? Asked of Sentinels, one after the other, on the look-up's own thread.
 *
 * An address "sentinel:NAME@host:port,host:port,..." names a primary as Sentinel knows it and up to
 * SENTINELS_MAX of them; with "sentinel-tls:" they and the primary are spoken to over TLS. Whoever
 * they name is still checked as any Redis is (role, settings, epoch, replicas): a Sentinel that is
 * late sends us to a replica, which is refused, and we ask again.
 */
#ifndef LIU_STORE_SENTINEL_H
#define LIU_STORE_SENTINEL_H

#include <stdbool.h>

#include "store/resolve.h"

#define SENTINELS_MAX 5

bool sentinel_form(const char *text);
bool sentinel_is_tls(const char *text);
/* ERR_CONFIG with a reason when the text is not of that form. */
enum err sentinel_check(const char *text, struct err_text *why) LIU_MUST_USE;
/* Blocks for up to a second a Sentinel. With `tls` (NULL = plain) each must be `tls_name`, "" =
 * the host by which it is named. False when none of them can tell; `why` has the last one's reason.
 */
bool sentinel_ask(const char *text, const struct tls_context *tls, const char *tls_name,
                  struct address *out, struct err_text *why);

#endif
