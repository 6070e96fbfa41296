/* Header and names of segments. */
#include "services/ledger/segment_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void segment_put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)(v & 0xff);
}

void segment_put_u64(uint8_t *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)(v & 0xff);
}

uint32_t segment_get_u32(const uint8_t *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 8 | p[i];
    return v;
}

uint64_t segment_get_u64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

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
    segment_put_u32(out + 8, SEGMENT_FORMAT);
    segment_put_u32(out + 12, (uint32_t)h->kind);
    memcpy(out + 16, h->epoch, SEGMENT_EPOCH_DIGITS);
    memcpy(out + 48, h->stream, strlen(h->stream));
    segment_put_u64(out + 128, h->first.seq);
    segment_put_u64(out + 136, h->first.sub);
    segment_put_u64(out + 144, h->last.seq);
    segment_put_u64(out + 152, h->last.sub);
    segment_put_u32(out + 160, h->count);
    segment_put_u64(out + 168, h->body_bytes);
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
    if (segment_get_u32(in + 8) != SEGMENT_FORMAT)
        return err_say(why, ERR_DATA_LOSS, "damaged: format %u is unknown",
                       segment_get_u32(in + 8));
    uint32_t kind = segment_get_u32(in + 12);
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
    out->first = (struct segment_pos){segment_get_u64(in + 128), segment_get_u64(in + 136)};
    out->last = (struct segment_pos){segment_get_u64(in + 144), segment_get_u64(in + 152)};
    out->count = segment_get_u32(in + 160);
    out->body_bytes = segment_get_u64(in + 168);
    memcpy(out->previous, in + 176, SHA256_BYTES);
    return ERR_OK;
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

bool segment_path(char out[SEGMENT_PATH_BYTES], const char *dir, const char *name)
{
    int n = snprintf(out, SEGMENT_PATH_BYTES, "%s/%s", dir, name);
    return n > 0 && n < SEGMENT_PATH_BYTES;
}
