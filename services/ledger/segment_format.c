/* Header and names of segments. */
#include "services/ledger/segment_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "services/ledger/ease.h"

#define DIGEST_PIECE_BYTES (64u << 10)

int segment_pos_compare(struct segment_pos x, struct segment_pos y)
{
    if (x.seq != y.seq)
        return x.seq < y.seq ? -1 : 1;
    if (x.sub != y.sub)
        return x.sub < y.sub ? -1 : 1;
    return 0;
}

bool segment_follows(enum segment_kind kind, struct segment_pos last, struct segment_pos next)
{
    if (kind == SEGMENT_JOURNAL)
        return next.sub == 0 && next.seq == last.seq + 1;
    return segment_pos_compare(last, next) < 0;
}

void segment_encode_head(const struct segment_head *h, uint8_t out[SEGMENT_HEADER_BYTES])
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, SEGMENT_MAGIC, 8);
    be32_put(out + 8, SEGMENT_FORMAT);
    be32_put(out + 12, (uint32_t)h->kind);
    memcpy(out + 16, h->epoch, SEGMENT_EPOCH_DIGITS);
    memcpy(out + 48, h->stream, strlen(h->stream));
    be64_put(out + 128, h->first.seq);
    be64_put(out + 136, h->first.sub);
    be64_put(out + 144, h->last.seq);
    be64_put(out + 152, h->last.sub);
    be32_put(out + 160, h->count);
    be64_put(out + 168, h->body_bytes);
    memcpy(out + 176, h->previous, SHA256_BYTES);
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

enum err segment_decode_head(const uint8_t in[SEGMENT_HEADER_BYTES], struct segment_head *out,
                             struct err_text *why)
{
    *out = (struct segment_head){0};
    if (memcmp(in, SEGMENT_MAGIC, 8) != 0)
        return err_say(why, ERR_DATA_LOSS, "damaged: not a segment");
    if (be32_get(in + 8) != SEGMENT_FORMAT)
        return err_say(why, ERR_DATA_LOSS, "damaged: format %u is unknown", be32_get(in + 8));
    uint32_t kind = be32_get(in + 12);
    if (kind != SEGMENT_JOURNAL && kind != SEGMENT_NOISE)
        return err_say(why, ERR_DATA_LOSS, "damaged: kind %u is unknown", kind);
    out->kind = (enum segment_kind)kind;
    memcpy(out->epoch, in + 16, SEGMENT_EPOCH_DIGITS);
    memcpy(out->stream, in + 48, SEGMENT_STREAM_BYTES);
    size_t named = strnlen(out->stream, SEGMENT_STREAM_BYTES);
    if (strspn(out->epoch, "0123456789abcdef") != SEGMENT_EPOCH_DIGITS || named == 0 ||
        named == SEGMENT_STREAM_BYTES || !all_zero(in + 48 + named, SEGMENT_STREAM_BYTES - named) ||
        !all_zero(in + 164, 4) || !all_zero(in + 208, SEGMENT_HEADER_BYTES - 208))
        return err_say(why, ERR_DATA_LOSS, "damaged: the header is malformed");
    out->first = (struct segment_pos){be64_get(in + 128), be64_get(in + 136)};
    out->last = (struct segment_pos){be64_get(in + 144), be64_get(in + 152)};
    out->count = be32_get(in + 160);
    out->body_bytes = be64_get(in + 168);
    memcpy(out->previous, in + 176, SHA256_BYTES);
    return ERR_OK;
}

enum err segment_hash(const uint8_t *p, size_t n, uint8_t out[SHA256_BYTES])
{
    struct crypto_hash *hash = crypto_hash_create();
    enum err e = hash == NULL ? ERR_NOMEM : ERR_OK;
    for (size_t at = 0; e == ERR_OK && at < n; at += DIGEST_PIECE_BYTES) {
        ease();
        e = crypto_hash_add(hash, p + at,
                            n - at < DIGEST_PIECE_BYTES ? n - at : DIGEST_PIECE_BYTES);
    }
    if (e == ERR_OK)
        e = crypto_hash_end(hash, out);
    crypto_hash_destroy(hash);
    return e;
}

void segment_name(const struct segment_head *h, char out[SEGMENT_NAME_BYTES])
{
    if (h->kind == SEGMENT_JOURNAL)
        (void)snprintf(out, SEGMENT_NAME_BYTES, "%020" PRIu64 "-%020" PRIu64 SEGMENT_SUFFIX,
                       h->first.seq, h->last.seq);
    else
        (void)snprintf(out, SEGMENT_NAME_BYTES,
                       "%020" PRIu64 ".%010" PRIu64 "-%020" PRIu64 ".%010" PRIu64 SEGMENT_SUFFIX,
                       h->first.seq, h->first.sub, h->last.seq, h->last.sub);
}
