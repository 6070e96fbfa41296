/* Key names are joined by hand: this runs several times a commit. */
#include "store/keys.h"

#include <string.h>

static void join(struct key *k, const char *const *parts, size_t n)
{
    k->bytes = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t len = parts[i] == NULL ? 0 : strlen(parts[i]);
        if (len == 0 || len > KEY_BYTES_MAX - at)
            return;
        memcpy(k->text + at, parts[i], len);
        at += len;
    }
    k->text[at] = '\0';
    k->bytes = at;
}

void key_head(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:head"}, 3);
}

void key_sync(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:sync"}, 3);
}

void key_bell(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:bell"}, 3);
}

void key_confirmed(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:confirmed"}, 3);
}

void key_restoring(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:restoring"}, 3);
}

void key_journal(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:journal"}, 3);
}

void key_audience(struct key *k, const char *partition, const char *party)
{
    join(k, (const char *const[]){"{", partition, "}:aud:", party}, 4);
}

void key_records(struct key *k, const char *partition, enum record_kind kind)
{
    const struct record_type *t = record_type_of(kind);
    join(k, (const char *const[]){"{", partition, "}:r:", t == NULL ? "" : t->name}, 4);
}

void key_receipt(struct key *k, const char *partition, const char *party, const char *id)
{
    join(k, (const char *const[]){"{", partition, "}:rcpt:", party, ":", id}, 6);
}

void key_receipts(struct key *k, const char *partition, const char *party)
{
    join(k, (const char *const[]){"{", partition, "}:rcnt:", party}, 4);
}

void key_timers(struct key *k, const char *partition, const char *owner)
{
    join(k, (const char *const[]){"{", partition, "}:timers:", owner}, 4);
}

void key_cold(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:cold"}, 3);
}

void key_asked(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:asked"}, 3);
}

void key_left(struct key *k, const char *partition)
{
    join(k, (const char *const[]){"{", partition, "}:left"}, 3);
}

void key_noise(struct key *k, const char *partition, const char *feed)
{
    join(k, (const char *const[]){"{", partition, "}:noise:", feed}, 4);
}

/* Takes the digits before `end` off the front. */
static enum err take_number(const char **s, size_t *n, char end, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < *n && (*s)[i] >= '0' && (*s)[i] <= '9'; i++) {
        if (v > (UINT64_MAX - 9) / 10)
            return ERR_PROTO;
        v = v * 10 + (uint64_t)((*s)[i] - '0');
    }
    if (i == 0 || i == *n || (*s)[i] != end)
        return ERR_PROTO;
    *s += i + 1;
    *n -= i + 1;
    *out = v;
    return ERR_OK;
}

enum err head_parse(const char *s, size_t n, struct head *out)
{
    uint64_t at_ms = 0;
    if (n < EPOCH_DIGITS + 1 || s[EPOCH_DIGITS] != ' ')
        return ERR_PROTO;
    memcpy(out->epoch, s, EPOCH_DIGITS);
    out->epoch[EPOCH_DIGITS] = '\0';
    if (strspn(out->epoch, "0123456789abcdef") != EPOCH_DIGITS)
        return ERR_PROTO;
    s += EPOCH_DIGITS + 1;
    n -= EPOCH_DIGITS + 1;
    if (take_number(&s, &n, ' ', &out->seq) != ERR_OK ||
        take_number(&s, &n, ' ', &at_ms) != ERR_OK || at_ms > INT64_MAX)
        return ERR_PROTO;
    out->at_ms = (int64_t)at_ms;
    return ERR_OK;
}

enum err stream_seq(const char *s, size_t n, uint64_t *seq)
{
    if (take_number(&s, &n, '-', seq) != ERR_OK || n != 1 || s[0] != '0')
        return ERR_PROTO;
    return ERR_OK;
}
