#include "store/receipts.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

bool receipt_of_entry(const Ismap__Liu__V1__JournalEntry *e, struct commit *out)
{
    static const char feed[] = "feed/";
    size_t prefix = strncmp(e->actor, feed, sizeof(feed) - 1) == 0 ? sizeof(feed) - 1 : 0;
    *out = (struct commit){.reply_type = ""};
    if (e->reply == NULL || e->request_hash.len != sizeof(out->request_hash))
        return false;
    out->receipt_party = e->actor + prefix;
    out->receipt_id = e->cause;
    out->reply = e->reply->payload.data;
    out->reply_bytes = e->reply->payload.len;
    out->reply_type = e->reply->type;
    out->now_ms = e->at_ms;
    memcpy(out->request_hash, e->request_hash.data, sizeof(out->request_hash));
    return true;
}

bool receipt_name(const struct commit *c, char out[RECEIPT_NAME_BYTES])
{
    int n = snprintf(out, RECEIPT_NAME_BYTES, "%s:%s", c->receipt_party, c->receipt_id);
    return n > 0 && n < RECEIPT_NAME_BYTES;
}

enum err receipt_encode(struct buf *b, uint64_t seq, const struct commit *c)
{
    const char *type = c->reply_type == NULL ? "" : c->reply_type;
    size_t type_bytes = strlen(type);
    uint8_t fixed[18];
    if (type_bytes > 255)
        return ERR_LIMIT;
    be64_put(fixed, seq);
    be64_put(fixed + 8, (uint64_t)c->now_ms);
    fixed[16] = 0;
    fixed[17] = (uint8_t)type_bytes;
    enum err e = buf_put(b, c->request_hash, sizeof(c->request_hash));
    if (e == ERR_OK)
        e = buf_put(b, fixed, sizeof(fixed));
    if (e == ERR_OK)
        e = buf_put(b, type, type_bytes);
    return e == ERR_OK && c->reply_bytes > 0 ? buf_put(b, c->reply, c->reply_bytes) : e;
}
