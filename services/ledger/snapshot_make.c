/* The next snapshot: the one before merged with what the segments since have written. Only changes
 * are held in memory, and not more than SNAPSHOT_DELTA_BYTES of them, about.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/ease.h"
#include "services/ledger/folder.h"
#include "services/ledger/snapshot.h"
#include "store/records.h"
#include "wire/unpack.h"

#define DELTA_OVERHEAD 160u /* of one changed record, about */

struct change {
    struct snapshot_record record;
    uint8_t *value; /* NULL: deleted */
    UT_hash_handle hh;
    uint8_t key[]; /* kind 4 bytes, id */
};

struct make {
    const atomic_bool *stop;
    struct snapshot_head head; /* of what is being made */
    struct change *changes;
    size_t bytes;
    uint64_t begins; /* first entry that was read */
};

bool snapshot_holds(uint32_t kind)
{
    return kind > RECORD_NONE && kind < RECORD_KINDS && record_journaled((enum record_kind)kind);
}

static void changes_free(struct make *m)
{
    struct change *c, *next;
    HASH_ITER(hh, m->changes, c, next)
    {
        ease();
        HASH_DEL(m->changes, c);
        free(c->value);
        free(c);
    }
}

/* `value` NULL: the record was deleted. */
static enum err change(struct make *m, uint32_t kind, const char *id, uint64_t revision,
                       const ProtobufCBinaryData *value)
{
    uint8_t key[4 + SNAPSHOT_ID_MAX];
    struct change *c = NULL;
    size_t n = strlen(id);
    if (!snapshot_holds(kind))
        return ERR_OK;
    if (n == 0 || n > SNAPSHOT_ID_MAX)
        return ERR_DATA_LOSS;
    memcpy(key, (uint8_t[]){0, 0, (uint8_t)(kind >> 8), (uint8_t)kind}, 4);
    memcpy(key + 4, id, n);
    HASH_FIND(hh, m->changes, key, n + 4, c);
    if (c == NULL) {
        c = calloc(1, sizeof(*c) + n + 4);
        if (c == NULL)
            return ERR_NOMEM;
        memcpy(c->key, key, n + 4);
        c->record =
            (struct snapshot_record){.kind = kind, .id = (const char *)c->key + 4, .id_bytes = n};
        HASH_ADD_KEYPTR(hh, m->changes, c->key, n + 4, c);
        if (!HASH_IS_IN(c)) {
            free(c);
            return ERR_NOMEM;
        }
        m->bytes += DELTA_OVERHEAD + n;
    }
    m->bytes -= c->record.bytes;
    free(c->value);
    c->value = value == NULL ? NULL : malloc(value->len + 1);
    if (value != NULL && c->value == NULL)
        return ERR_NOMEM;
    if (value != NULL && value->len > 0)
        memcpy(c->value, value->data, value->len);
    c->record.revision = revision;
    c->record.value = c->value;
    c->record.bytes = value == NULL ? 0 : value->len;
    m->bytes += c->record.bytes;
    return ERR_OK;
}

static enum err on_entry(void *arg, const struct segment_entry *entry)
{
    struct make *m = arg;
    struct arena a;
    ProtobufCMessage *message = NULL;
    if (atomic_load_explicit(m->stop, memory_order_relaxed))
        return ERR_AGAIN;
    ease();
    if (m->begins == 0)
        m->begins = entry->pos.seq;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    enum err e = wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, entry->data,
                             entry->bytes, &message);
    const Ismap__Liu__V1__JournalEntry *j = (const void *)message;
    for (size_t i = 0; e == ERR_OK && i < j->n_puts; i++)
        e = change(m, j->puts[i]->kind, j->puts[i]->id, j->puts[i]->revision, &j->puts[i]->value);
    for (size_t i = 0; e == ERR_OK && i < j->n_deletes; i++)
        e = change(m, j->deletes[i]->kind, j->deletes[i]->id, 0, NULL);
    arena_fini(&a);
    return e == ERR_PROTO ? ERR_DATA_LOSS : e;
}

/* Here a snapshot could be: go on while what has changed is small. */
static bool on_closed(void *arg, const struct segment_head *h)
{
    struct make *m = arg;
    m->head.seq = h->last.seq;
    memcpy(m->head.epoch, h->epoch, sizeof(m->head.epoch));
    memcpy(m->head.segment, h->digest, SHA256_BYTES);
    memset(m->head.link, 0, sizeof(m->head.link));
    if (h->link_bytes == LINK_DIGITS)
        memcpy(m->head.link, h->link, LINK_DIGITS);
    return m->bytes < SNAPSHOT_DELTA_BYTES;
}

static int by_record(const struct change *x, const struct change *y)
{
    ease(); /* there may be a million to sort */
    return snapshot_compare(&x->record, &y->record);
}

static enum err put_change(struct snapshot_writer *w, const struct change *c)
{
    return c->value == NULL ? ERR_OK : snapshot_put(w, &c->record);
}

/* Both run in the same order; a changed record takes the place of the old one. */
static enum err merge(struct make *m, struct snapshot *base, struct snapshot_writer *w)
{
    struct snapshot_record old = {0};
    bool end = base == NULL;
    enum err e = end ? ERR_OK : snapshot_next(base, &old, &end);
    HASH_SORT(m->changes, by_record);
    const struct change *c = m->changes;
    while (e == ERR_OK && (!end || c != NULL)) {
        ease();
        int order = end ? 1 : c == NULL ? -1 : snapshot_compare(&old, &c->record);
        e = order < 0 ? snapshot_put(w, &old) : put_change(w, c);
        if (order >= 0)
            c = c->hh.next;
        if (e == ERR_OK && order <= 0)
            e = snapshot_next(base, &old, &end);
        if (atomic_load_explicit(m->stop, memory_order_relaxed))
            e = ERR_AGAIN;
    }
    return e;
}

static enum err write_one(struct make *m, const char *folder, struct snapshot *base,
                          struct snapshot_head *made, struct err_text *why)
{
    struct snapshot_writer *w = NULL;
    if (base != NULL) {
        m->head.previous_seq = snapshot_head_of(base)->seq;
        memcpy(m->head.previous, snapshot_head_of(base)->digest, SHA256_BYTES);
    }
    enum err e = snapshot_create(folder, &m->head, &w, why);
    if (e != ERR_OK)
        return e;
    e = merge(m, base, w);
    if (e == ERR_OK)
        return snapshot_finish(w, made, why);
    snapshot_abandon(w);
    return err_say(why, e, "%s: %s", folder, err_name(e));
}

/* Never the one that the new one was made of, nor what is newer: the new one was not read back yet,
 * and where the journal begins late nothing else holds what was before. */
static void remove_oldest(const char *folder, size_t keep, uint64_t base)
{
    struct folder_names l = {0};
    char path[FOLDER_PATH_BYTES];
    if (folder_list(folder, ".snap", true, &l, NULL) == ERR_OK)
        for (size_t i = 0; i + keep < l.n && strtoull(l.items[i], NULL, 10) < base; i++)
            if (folder_path(path, folder, l.items[i]))
                (void)unlink(path);
    folder_names_fini(&l);
}

enum err snapshot_make(const char *dir, const char *epoch, size_t keep, const atomic_bool *stop,
                       struct snapshot_head *made, struct buf *text, struct err_text *why)
{
    char folder[FOLDER_PATH_BYTES];
    char journal[FOLDER_PATH_BYTES];
    struct make m = {.stop = stop};
    struct snapshot *base = NULL;
    struct segment_report report;
    *made = (struct snapshot_head){.seq = 0};
    if (!folder_path(folder, dir, "snapshots") || !folder_path(journal, dir, "journal"))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = snapshot_newest(dir, epoch, &base, text, why);
    struct segment_range range = {.entry = on_entry, .closed = on_closed, .arg = &m};
    if (base != NULL) {
        range.after = snapshot_head_of(base)->seq;
        range.digest = snapshot_head_of(base)->segment;
        range.epoch = epoch;
    }
    if (e == ERR_OK)
        e = segment_walk_range(journal, &range, &report, text, why);
    if (e == ERR_OK && m.head.seq > 0 && strcmp(m.head.epoch, epoch) != 0)
        e = err_say(why, ERR_DATA_LOSS, "%s: segments of another epoch", journal);
    if (e == ERR_OK && base == NULL && m.begins > 1)
        e = err_say(why, ERR_DATA_LOSS,
                    "%s: begins with entry %llu: a snapshot would lack what was written before",
                    journal, (unsigned long long)m.begins);
    if (e == ERR_OK && m.head.seq > 0)
        e = write_one(&m, folder, base, made, why);
    if (e == ERR_OK && made->seq > 0)
        remove_oldest(folder, keep < 1 ? 1 : keep,
                      base == NULL ? made->seq : snapshot_head_of(base)->seq);
    snapshot_close(base);
    changes_free(&m);
    return e;
}
