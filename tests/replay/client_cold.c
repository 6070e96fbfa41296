/* What services ask about records and receipts that have left the store, and what the ledger does
 * about them. What has left is kept in the store in memory, so every answer is held against it: it
 * is found again, as it was.
 */
#include "replay/client_private.h"

#include <string.h>

#include "base/text.h"
#include "store/encode.h"
#include "store/receipts.h"

/* ---- what must hold */

static const struct mem_receipt *known_receipt(const char *name)
{
    const struct mem_receipt *r = memstore_receipt_ever(&sim.store, name);
    return r != NULL && r->left && sim.store.server_ms < r->expires_ms ? r : NULL;
}

bool cold_knows_receipt(const struct commit *c)
{
    char name[RECEIPT_NAME_BYTES];
    return c->receipt_party != NULL && receipt_name(c, name) && known_receipt(name) != NULL;
}

static void check_receipt_shown(const char *name, const struct store_record *shown)
{
    struct answer_text text;
    struct commit_result is;
    const struct mem_receipt *r = known_receipt(name);
    if (receipt_decode(shown->value, shown->bytes, r == NULL ? NULL : r->hash, &text, &is) !=
        ERR_OK)
        sim_fail("the receipt %s that is shown cannot be read", name);
    else if (r != NULL &&
             (is.status != COMMIT_DUPLICATE || is.seq != r->seq || is.at_ms != r->at_ms ||
              strcmp(is.reply_type, r->type) != 0 || is.reply_bytes != r->reply_bytes ||
              memcmp(is.reply, r->reply, r->reply_bytes) != 0))
        sim_fail("the receipt %s is not shown as it left", name);
}

static void check_receipt_letter(const char *name, char letter, const struct store_record *shown)
{
    if (letter == COLD_ABSENT && known_receipt(name) != NULL)
        sim_fail("there is said to be no receipt %s: it has left and is not over", name);
    if (letter == COLD_SHOWN)
        check_receipt_shown(name, shown);
}

/* Pages are looked at as a whole by who walks them (drive_cold.c). */
static void check_record_letter(const struct store_key *k, char letter,
                                const struct store_record *shown)
{
    const struct mem_record *r = memstore_record_ever(&sim.store, k->kind, k->id);
    if (k->id[0] == COLD_PAGE)
        return;
    if (letter == COLD_ABSENT && r != NULL)
        sim_fail("%s is said not to exist: it has left", r->key);
    if (letter == COLD_SHOWN &&
        (r == NULL || shown->revision != r->revision || shown->bytes != r->bytes ||
         memcmp(shown->value, r->value, r->bytes) != 0))
        sim_fail("%s is not shown as it left", k->id);
}

/* Numbered alerts have nothing that could be cold: they wait for nobody. */
static void check_asker(const struct work *w)
{
    if (w->source == WORK_MESSAGE && (w->row->flags & ROW_NO_RECEIPT) != 0)
        sim_fail("%s waits for what is cold", w->row->type->name);
}

/* ---- questions */

static void run_seek(struct op *o)
{
    sim.store.server_ms = sim_wall_ms();
    o->letters = sim_need(arena_alloc(&o->arena, o->n + 1));
    o->found = sim_need(arena_alloc(&o->arena, o->n * sizeof *o->found));
    memstore_seek(&sim.store, o->want, o->keys, o->n, o->letters, o->found, &o->arena);
    o->letters[o->n] = '\0';
    o->seq = memstore_generation(&sim.store);
    for (size_t i = 0; i < o->n; i++) {
        struct store_record *shown = &o->found[i];
        if (o->letters[i] == COLD_SHOWN) /* it may be gone when the answer comes */
            shown->value = copy_bytes(&o->arena, shown->value, shown->bytes);
        if (o->keys[i].kind == RECORD_RECEIPT)
            check_receipt_letter(o->keys[i].id, o->letters[i], shown);
        else
            check_record_letter(&o->keys[i], o->letters[i], shown);
        sim.cold_asked += o->letters[i] == COLD_ASKED;
        sim.cold_found += o->letters[i] == COLD_SHOWN;
    }
    sim_trace("redis: %s is cold? %s", o->keys[0].id, o->letters);
}

static void tell_seek(struct op *o)
{
    bool ok = o->err == ERR_OK;
    o->fn.seek(o->arg, o->err, o->seq, o->letters, o->found, ok ? o->n : 0);
}

static struct op *seek_new(struct store *s, enum cold_want want, const struct store_key *keys,
                           size_t n, void (*tell)(struct op *o), void *arg)
{
    struct op *o = op_call(s, run_seek, tell, arg);
    if (o == NULL)
        return NULL;
    struct store_key *copy = copy_bytes(&o->arena, keys, n * sizeof *keys);
    for (size_t i = 0; i < n; i++)
        copy[i].id = copy_text(&o->arena, keys[i].id);
    o->keys = copy;
    o->n = n;
    o->want = want;
    return o;
}

enum err store_seek(struct store *s, enum cold_want want, const struct store_key *keys, size_t n,
                    store_seek_fn *fn, void *arg)
{
    check_asker(arg);
    struct op *o = seek_new(s, want, keys, n, tell_seek, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->fn.seek = fn;
    return op_send(o);
}

static void tell_receipt(struct op *o)
{
    struct answer_text text;
    struct commit_result r = {.status = COMMIT_UNAVAILABLE, .text = "no answer"};
    if (o->err == ERR_OK)
        r = (struct commit_result){.status = o->letters[0] == COLD_ABSENT ? COMMIT_OK : COMMIT_COLD,
                                   .text = ""};
    if (o->err == ERR_OK && o->letters[0] == COLD_SHOWN &&
        receipt_decode(o->found[0].value, o->found[0].bytes, o->hash, &text, &r) != ERR_OK)
        sim_fail("a receipt cannot be read");
    o->fn.commit(o->arg, &r);
}

enum err store_receipt(struct store *s, const char *party, const char *id,
                       const uint8_t request_hash[32], commit_fn *fn, void *arg)
{
    const struct commit asked = {.receipt_party = party, .receipt_id = id};
    char name[RECEIPT_NAME_BYTES];
    const struct store_key key = {RECORD_RECEIPT, name};
    if (!receipt_name(&asked, name))
        return ERR_INVAL;
    check_asker(arg);
    struct op *o = seek_new(s, COLD_SHOW, &key, 1, tell_receipt, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->hash = copy_bytes(&o->arena, request_hash, 32);
    o->fn.commit = fn;
    return op_send(o);
}

/* ---- the ledger's calls */

static void take_moves(struct op *o, const struct cold_move *moves, size_t n)
{
    struct cold_move *copy = copy_bytes(&o->arena, moves, n * sizeof *moves);
    for (size_t i = 0; i < n; i++) {
        copy[i].id = copy_text(&o->arena, moves[i].id);
        if (moves[i].value != NULL)
            copy[i].value = copy_bytes(&o->arena, moves[i].value, moves[i].bytes);
    }
    o->moves = copy;
    o->n = n;
    o->writes = true;
}

static void run_freeze(struct op *o)
{
    sim.store.server_ms = sim_wall_ms();
    op_take_reason(o, memstore_freeze(&sim.store, o->from, o->to, o->moves, o->n, &o->seq));
    sim.cold_left += o->err == ERR_OK ? o->seq : 0;
    sim_trace("redis: of %zu that may leave %llu do, under generation %llu %s", o->n,
              (unsigned long long)o->seq, (unsigned long long)o->from, o->reason);
}

static void tell_moved(struct op *o)
{
    o->fn.moved(o->arg, o->err, (int64_t)o->seq, o->err == ERR_OK ? "" : o->reason);
}

enum err store_freeze(struct store *s, uint64_t generation, uint64_t filter_bits,
                      const struct cold_move *moves, size_t n, store_moved_fn *fn, void *arg)
{
    struct op *o = op_call(s, run_freeze, tell_moved, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    take_moves(o, moves, n);
    o->from = generation;
    o->to = filter_bits;
    o->fn.moved = fn;
    return op_send(o);
}

/* What comes back is what left. */
static void check_thawed(const struct op *o)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct cold_move *m = &o->moves[i];
        const struct mem_record *r = memstore_record_ever(&sim.store, m->kind, m->id);
        if (m->kind == RECORD_RECEIPT || m->forget || m->id[0] == COLD_PAGE || r == NULL ||
            !r->left)
            continue;
        if (m->value == NULL)
            sim_fail("the ledger does not have %s, which has left", r->key);
        else if (m->revision != r->revision || m->bytes != r->bytes ||
                 memcmp(m->value, r->value, r->bytes) != 0)
            sim_fail("the ledger has revision %llu of %s, of which %llu has left",
                     (unsigned long long)m->revision, r->key, (unsigned long long)r->revision);
    }
}

static void run_thaw(struct op *o)
{
    const struct memstore *s = &sim.store;
    if (o->from == memstore_generation(s))
        check_thawed(o);
    op_take_reason(o, memstore_thaw(&sim.store, o->from, o->now_ms, o->moves, o->n, &o->seq));
    sim.cold_back += o->err == ERR_OK ? o->seq : 0;
    sim_trace("redis: %zu answers about %s and others, %llu put back %s", o->n, o->moves[0].id,
              (unsigned long long)o->seq, o->reason);
}

enum err store_thaw(struct store *s, uint64_t generation, int64_t now_ms,
                    const struct cold_move *moves, size_t n, store_moved_fn *fn, void *arg)
{
    struct op *o = op_call(s, run_thaw, tell_moved, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    take_moves(o, moves, n);
    o->from = generation;
    o->now_ms = now_ms;
    o->fn.moved = fn;
    return op_send(o);
}

static void run_asked(struct op *o)
{
    struct cold_asked all[COLD_ASKED_MAX];
    o->n = memstore_asked(&sim.store, all, COLD_ASKED_MAX);
    o->asked = copy_bytes(&o->arena, all, o->n * sizeof *all);
    for (size_t i = 0; i < o->n; i++)
        o->asked[i].id = copy_text(&o->arena, all[i].id);
}

static void tell_asked(struct op *o)
{
    bool ok = o->err == ERR_OK;
    o->fn.asked(o->arg, o->err, ok ? o->asked : NULL, ok ? o->n : 0);
}

enum err store_asked(struct store *s, store_asked_fn *fn, void *arg)
{
    struct op *o = op_call(s, run_asked, tell_asked, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->fn.asked = fn;
    return op_send(o);
}
