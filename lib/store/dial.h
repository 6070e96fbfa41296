/* One question to one server, blocking and within a time limit: for threads that have nothing else
 * to do (resolve.h, watch.h). What is on the loop uses conn.h.
 */
#ifndef LIU_STORE_DIAL_H
#define LIU_STORE_DIAL_H

#include <hiredis/hiredis.h>

#include "crypto/tls.h"
#include "store/resolve.h"

struct dial {
    int fd;
    struct tls *tls; /* NULL = plain */
    int64_t until_ms;
};

/* The name that the server's certificate must have, at an address that was told by number only. */
#define DIAL_NAME_BYTES 64
bool dial_number(const struct address *a, char name[DIAL_NAME_BYTES]);

/* Connects, and with `tls` (NULL = plain) shakes hands with who must be `name`. Whatever comes,
 * dial_close is the caller's. ERR_TIMEOUT, ERR_AUTH (not verified), ERR_IO, ERR_PROTO; `why` tells.
 */
enum err dial_open(struct dial *d, const struct address *a, const struct tls_context *tls,
                   const char *name, int64_t limit_ms, struct err_text *why) LIU_MUST_USE;
/* One command as redisFormatCommand made it; *out is freed with freeReplyObject. */
enum err dial_ask(struct dial *d, const char *command, size_t n, redisReply **out,
                  struct err_text *why) LIU_MUST_USE;
void dial_close(struct dial *d);

#endif
