/* See recover.h. Entries bring their receipts along. Older ones, and such with a long answer, have
 * no stored answer: who sends such a message again is told that it was accepted, and as which
 * entry, so that it takes effect once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "liuctl/recover.h"
#include "liuctl/recover_lane.h"
#include "store/keys.h"
#include "wire/unpack.h"

#define RECEIPTS_BYTES_MAX (256u * 1024 * 1024)
#define TIMER_SPLIT '|' /* a member is "kind|record" */
#define LANE_BYTES_MAX (1024u * 1024)
#define RECEIPT_BYTES 50 /* with no reply behind it: lib/store/answer.c */

void recover_state_init(struct recover_state *r, struct session *s, const struct recover_found *f)
{
    *r = (struct recover_state){.session = s, .found = f, .epoch = store_epoch(s->store)};
    buf_init(&r->receipts, RECEIPTS_BYTES_MAX);
}

void recover_state_fini(struct recover_state *r)
{
    struct recover_item *i, *next;
    HASH_ITER(hh, r->items, i, next)
    {
        HASH_DEL(r->items, i);
        free(i->key);
        free(i->value);
        free(i);
    }
    buf_fini(&r->receipts);
}

static struct recover_item *item(struct recover_state *r, const char *kind, const char *id,
                                 const char *more, bool make)
{
    char key[KEY_BYTES_MAX * 2];
    struct recover_item *i = NULL;
    (void)snprintf(key, sizeof key, more == NULL ? "%s\t%s" : "%s\t%s\t%s", kind, id, more);
    HASH_FIND_STR(r->items, key, i);
    if (i != NULL || !make)
        return i;
    i = calloc(1, sizeof *i);
    char *own = i == NULL ? NULL : strdup(key);
    if (own == NULL) {
        free(i);
        r->receipts.failed = true;
        return NULL;
    }
    i->key = own;
    HASH_ADD_KEYPTR(hh, r->items, i->key, strlen(i->key), i);
    return i;
}

struct recover_item *recover_state_lane(struct recover_state *r, const char *id, bool make)
{
    return item(r, "lane", id, NULL, make);
}

void recover_state_set(struct recover_state *r, struct recover_item *i, const uint8_t *value,
                       size_t bytes)
{
    uint8_t *own = malloc(bytes + 1);
    if (own == NULL) {
        r->receipts.failed = true;
        return;
    }
    memcpy(own, value, bytes);
    free(i->value);
    i->value = own;
    i->bytes = bytes;
}

/* ---- what is set aside */

/* Where the lane was before the first of them; noise in between stays, and counts. */
static void lane_aside(struct recover_state *r, const Ismap__Liu__V1__RecordPut *p)
{
    struct recover_item *i = recover_state_lane(r, p->id, true);
    struct buf before;
    if (i == NULL || i->aside)
        return;
    i->aside = true;
    buf_init(&before, LANE_BYTES_MAX);
    if (recover_lane_before(p->value.data, p->value.len, &before))
        recover_state_set(r, i, before.data, before.len);
    buf_fini(&before);
}

/* Also asks for the record that it belongs to. */
static void timer_aside(struct recover_state *r, const Ismap__Liu__V1__TimerPut *t)
{
    struct recover_item *i = item(r, "timer", t->owner, t->member, true);
    const char *record = strchr(t->member, TIMER_SPLIT);
    if (i != NULL) {
        i->aside = true;
        i->number = -1; /* until Redis says that it is there */
    }
    if (record != NULL)
        (void)item(r, "record", record + 1, NULL, true);
}

enum err recover_state_aside(struct recover_state *r, const Ismap__Liu__V1__JournalEntry *e)
{
    for (size_t k = 0; k < e->n_timers; k++)
        timer_aside(r, e->timers[k]);
    for (size_t k = 0; k < e->n_puts; k++)
        if (e->puts[k]->kind == RECORD_LANE)
            lane_aside(r, e->puts[k]);
    return r->receipts.failed ? ERR_NOMEM : ERR_OK;
}

/* ---- as Redis has it */

static enum err cursor_seq(const uint8_t *value, size_t bytes, uint64_t *seq)
{
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    enum err e = wire_unpack(&a, &ismap__liu__v1__cursor__descriptor, value, bytes, &m);
    *seq = e == ERR_OK ? ((const Ismap__Liu__V1__Cursor *)(const void *)m)->seq : 0;
    arena_fini(&a);
    return e;
}

void recover_state_record(void *arg, enum record_kind kind, const char *id, const uint8_t *value,
                          size_t bytes)
{
    struct recover_state *r = arg;
    struct recover_item *i = item(r, kind == RECORD_LANE ? "lane" : "cursor", id, NULL, true);
    uint64_t seq = 0;
    if (i == NULL)
        return;
    if (kind == RECORD_LANE) {
        if (!i->aside)
            recover_state_set(r, i, value + 8, bytes - 8);
    } else if (cursor_seq(value + 8, bytes - 8, &seq) != ERR_OK) {
        r->receipts.failed = true;
    } else {
        i->number = (int64_t)(seq < r->found->right ? seq : r->found->right);
    }
}

void recover_state_timer(void *arg, const char *owner, const char *member, int64_t due_ms)
{
    struct recover_state *r = arg;
    struct recover_item *i = item(r, "timer", owner, member, true);
    if (i != NULL)
        i->number = due_ms;
}

/* ---- what the journal says */

/* A consumer's effect was written together with its new place behind the event. */
static void take_cause(struct recover_state *r, const char *cause)
{
    char name[64];
    const char *colon = strncmp(cause, "e:", 2) == 0 ? strchr(cause + 2, ':') : NULL;
    size_t n = colon == NULL ? 0 : (size_t)(colon - cause) - 2;
    uint64_t seq = 0;
    if (n == 0 || n >= sizeof name || strncmp(colon + 1, r->epoch, EPOCH_DIGITS) != 0 ||
        colon[1 + EPOCH_DIGITS] != ':' ||
        text_u64(colon + 2 + EPOCH_DIGITS, INT64_MAX, &seq) != ERR_OK)
        return;
    memcpy(name, cause + 2, n);
    name[n] = '\0';
    struct recover_item *i = item(r, "cursor", name, NULL, true);
    if (i != NULL && (int64_t)seq > i->number)
        i->number = (int64_t)seq;
}

static void take_receipt(struct recover_state *r, uint64_t seq,
                         const Ismap__Liu__V1__JournalEntry *e)
{
    uint8_t value[RECEIPT_BYTES] = {0};
    char hex[2 * RECEIPT_BYTES + 1];
    if (e->reply != NULL || e->request_hash.len != SHA256_BYTES ||
        strncmp(e->actor, "feed/", 5) == 0)
        return;
    memcpy(value, e->request_hash.data, SHA256_BYTES);
    be64_put(value + SHA256_BYTES, seq);
    be64_put(value + SHA256_BYTES + 8, (uint64_t)e->at_ms);
    text_hex(value, sizeof value, hex);
    (void)buf_printf(&r->receipts, "receipt\t%s\t%s\t%s\n", e->actor, e->cause, hex);
}

/* The furthest: what Redis has of a lane may be noise behind the lane's last entry. */
static void take_lane(struct recover_state *r, const Ismap__Liu__V1__RecordPut *p, bool back)
{
    struct recover_item *i = recover_state_lane(r, p->id, back);
    if (i != NULL && (back || i->aside) &&
        !recover_lane_further(i->value, i->bytes, p->value.data, p->value.len))
        recover_state_set(r, i, p->value.data, p->value.len);
}

void recover_state_kept(void *arg, const char *id, size_t id_bytes)
{
    char name[KEY_BYTES_MAX];
    struct recover_item *i = NULL;
    if (id_bytes >= sizeof name)
        return; /* longer than any timer's */
    memcpy(name, id, id_bytes);
    name[id_bytes] = '\0';
    i = item(arg, "record", name, NULL, false);
    if (i != NULL)
        i->again = true;
}

enum err recover_state_entry(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *e)
{
    struct recover_state *r = arg;
    bool back = seq > r->found->right; /* only the archive has it */
    /* what a missing entry did to a timer nobody knows: better one too many, or early */
    bool gap = r->found->first > r->found->right + 1;
    for (size_t k = 0; k < e->n_timers; k++) {
        const Ismap__Liu__V1__TimerPut *t = e->timers[k];
        struct recover_item *i = item(r, "timer", t->owner, t->member, back || gap);
        if (i != NULL && (back || gap || i->aside)) {
            i->number = t->due_ms;
            i->again = true;
        }
    }
    for (size_t k = 0; k < e->n_puts; k++) {
        struct recover_item *i = item(r, "record", e->puts[k]->id, NULL, false);
        if (i != NULL)
            i->again = true;
        if (e->puts[k]->kind == RECORD_LANE)
            take_lane(r, e->puts[k], back);
    }
    if (!back)
        r->right_ms = e->at_ms;
    if (back) {
        take_cause(r, e->cause);
        take_receipt(r, seq, e);
    }
    return r->receipts.failed ? ERR_NOMEM : ERR_OK;
}

/* ---- the lines */

static enum err cursor_line(const struct recover_state *r, const char *id, int64_t seq,
                            struct buf *out)
{
    Ismap__Liu__V1__Cursor m = ISMAP__LIU__V1__CURSOR__INIT;
    uint8_t packed[256];
    char hex[2 * sizeof packed + 1];
    m.consumer = (char *)(uintptr_t)id;
    m.seq = (uint64_t)seq;
    m.epoch = (char *)(uintptr_t)r->epoch;
    size_t n = ismap__liu__v1__cursor__get_packed_size(&m);
    if (n > sizeof packed)
        return ERR_LIMIT;
    text_hex(packed, ismap__liu__v1__cursor__pack(&m, packed), hex);
    return buf_printf(out, "cursor\t%s\t%s\n", id, hex);
}

static enum err lane_line(const struct recover_item *i, const char *id, struct buf *out)
{
    enum err e = buf_printf(out, "lane\t%s\t", id);
    char *hex = e == ERR_OK ? (char *)buf_room(out, 2 * i->bytes + 1) : NULL;
    if (hex == NULL)
        return e == ERR_OK ? ERR_NOMEM : e;
    text_hex(i->value, i->bytes, hex);
    out->len += 2 * i->bytes;
    return buf_puts(out, "\n");
}

/* One that only entries that are set aside tell of goes with them, unless its record stays: then an
 * entry may have set it that is older than JournalEntry.timers. What a timer does is decided on the
 * records, so one too many does nothing. */
static bool timer_stays(const struct recover_state *r, const struct recover_item *i,
                        const char *member)
{
    const char *record = strchr(member, TIMER_SPLIT);
    const struct recover_item *known = NULL;
    char key[KEY_BYTES_MAX * 2];
    if (i->number < 0 || !i->aside || i->again)
        return i->number >= 0;
    (void)snprintf(key, sizeof key, "record\t%s", record == NULL ? "" : record + 1);
    HASH_FIND_STR(r->items, key, known);
    return known != NULL && known->again;
}

static enum err item_line(const struct recover_state *r, const struct recover_item *i,
                          struct buf *out)
{
    const char *id = strchr(i->key, '\t') + 1;
    if (strncmp(i->key, "cursor", 6) == 0)
        return cursor_line(r, id, i->number, out);
    if (strncmp(i->key, "lane", 4) == 0)
        return i->value == NULL ? ERR_OK : lane_line(i, id, out);
    if (strncmp(i->key, "record", 6) == 0)
        return ERR_OK;
    const char *member = strchr(id, '\t');
    return !timer_stays(r, i, member + 1)
               ? ERR_OK
               : buf_printf(out, "timer\t%.*s\t%" PRId64 "\t%s\n", (int)(member - id), id,
                            i->number, member + 1);
}

enum err recover_state_lines(void *arg, struct buf *out)
{
    struct recover_state *r = arg;
    enum err e = recover_noise(r) != CLI_OK || r->receipts.failed ? ERR_NOMEM : ERR_OK;
    for (const struct recover_item *i = r->items; e == ERR_OK && i != NULL; i = i->hh.next)
        e = item_line(r, i, out);
    return e == ERR_OK && r->receipts.len > 0 ? buf_put(out, r->receipts.data, r->receipts.len) : e;
}
