/* What the Function answered for one request. The numbers of its statuses are those of enum
 * commit_status.
 */
#include "store/encode.h"

#include <assert.h>
#include <string.h>

/* A receipt: request hash 32, seq 8, at_ms 8, bytes of the type 2; then the type and the reply. */
#define RECEIPT_FIXED 50

static_assert(COMMIT_OK == 0 && COMMIT_CONFLICT == 1 && COMMIT_DUPLICATE == 2 &&
                  COMMIT_MISMATCH == 3 && COMMIT_REFUSED == 4 && COMMIT_BROKEN == 7 &&
                  COMMIT_LATE == 8 && COMMIT_COLD == 9,
              "deploy/redis/liu.lua answers these numbers");

static void copy(struct answer_text *t, const uint8_t *p, size_t n)
{
    if (n > sizeof(t->text) - 1)
        n = sizeof(t->text) - 1;
    memcpy(t->text, p, n);
    t->text[n] = '\0';
}

enum err receipt_decode(const uint8_t *p, size_t n, const uint8_t *hash, struct answer_text *text,
                        struct commit_result *out)
{
    *out = (struct commit_result){.status = COMMIT_DUPLICATE, .text = ""};
    if (n < RECEIPT_FIXED)
        return ERR_PROTO;
    if (hash != NULL && memcmp(hash, p, 32) != 0) {
        out->status = COMMIT_MISMATCH;
        return ERR_OK;
    }
    size_t type_bytes = (size_t)p[48] << 8 | p[49];
    if (type_bytes > n - RECEIPT_FIXED || type_bytes >= sizeof(text->text))
        return ERR_PROTO;
    out->seq = be64_get(p + 32);
    out->at_ms = (int64_t)be64_get(p + 40);
    copy(text, p + RECEIPT_FIXED, type_bytes);
    out->reply_type = text->text;
    out->reply = p + RECEIPT_FIXED + type_bytes;
    out->reply_bytes = n - RECEIPT_FIXED - type_bytes;
    return ERR_OK;
}

enum err answer_decode(const uint8_t *p, size_t n, int64_t at_ms, struct answer_text *text,
                       struct commit_result *out)
{
    if (n < 9)
        return ERR_PROTO;
    switch (p[0]) {
    case COMMIT_OK:
        *out = (struct commit_result){.seq = be64_get(p + 1), .at_ms = at_ms, .text = ""};
        return n == 9 ? ERR_OK : ERR_PROTO;
    case COMMIT_DUPLICATE:
        return receipt_decode(p + 9, n - 9, NULL, text, out);
    case COMMIT_CONFLICT:
    case COMMIT_MISMATCH:
    case COMMIT_REFUSED:
    case COMMIT_BROKEN:
    case COMMIT_LATE:
    case COMMIT_COLD:
        copy(text, p + 9, n - 9);
        *out = (struct commit_result){.status = (enum commit_status)p[0], .text = text->text};
        return ERR_OK;
    default:
        return ERR_PROTO;
    }
}
