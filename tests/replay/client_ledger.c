/* What only the ledger asks of the store. */
#include "replay/client_private.h"

#include <string.h>

#include "base/text.h"

struct op *op_call(struct store *s, void (*run)(struct op *o), void (*tell)(struct op *o),
                   void *arg)
{
    struct op *o = op_new(s, CONN_READS, OP_CALL, arg);
    if (o == NULL)
        return NULL;
    o->run = run;
    o->tell = tell;
    return o;
}

/* ---- noise */

static void run_noise(struct op *o)
{
    const struct mem_noise *f = memstore_noise(&sim.store, o->text);
    o->noise = sim_need(arena_alloc(&o->arena, (o->max + 1) * sizeof *o->noise));
    for (size_t i = f == NULL ? 0 : f->gone; f != NULL && i < f->n && o->seq < o->max; i++) {
        const struct mem_noise_entry *e = &f->entries[i];
        if (e->ms < o->from || (e->ms == o->from && e->sub <= o->to))
            continue;
        o->noise[o->seq++] =
            (struct store_noise){.ms = e->ms, .n = e->sub, .data = e->data, .bytes = e->bytes};
    }
}

static void tell_noise(struct op *o)
{
    o->fn.noise(o->arg, o->err, o->noise, o->err == ERR_OK ? (size_t)o->seq : 0);
}

enum err store_noise(struct store *s, const char *feed, uint64_t after_ms, uint64_t after_n,
                     uint32_t max, store_noise_fn *fn, void *arg)
{
    struct op *o = op_call(s, run_noise, tell_noise, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->text = copy_text(&o->arena, feed);
    o->from = after_ms;
    o->to = after_n;
    o->max = max;
    o->fn.noise = fn;
    return op_send(o);
}

/* ---- calls that are answered with a number, or a reason */

static void tell_number(struct op *o)
{
    o->fn.trim(o->arg, o->err, o->seq, o->err == ERR_OK ? "" : o->reason);
}

void op_take_reason(struct op *o, const char *why)
{
    if (why == NULL)
        return;
    o->err = ERR_CONFLICT;
    (void)snprintf(o->reason, sizeof o->reason, "LIUREFUSED %.200s", why);
}

static void run_trim(struct op *o)
{
    char text[200];
    op_take_reason(o, memstore_trim(&sim.store, o->trim, &o->seq, text));
    if (o->err == ERR_OK)
        sim_trace("redis: trimmed up to %llu", (unsigned long long)sim.store.gone);
    else
        sim_trace("redis: %s", o->reason);
}

enum err store_trim(struct store *s, const struct store_trim *t, store_trim_fn *fn, void *arg)
{
    struct op *o = op_call(s, run_trim, tell_number, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    struct store_trim *copy = copy_bytes(&o->arena, t, sizeof *t);
    const char **feeds = copy_bytes(&o->arena, t->feeds, t->n_feeds * sizeof *feeds);
    const char **kept = copy_bytes(&o->arena, t->first_kept, t->n_feeds * sizeof *kept);
    for (size_t i = 0; i < t->n_feeds; i++) {
        feeds[i] = copy_text(&o->arena, feeds[i]);
        kept[i] = copy_text(&o->arena, kept[i]);
    }
    copy->feeds = feeds;
    copy->first_kept = kept;
    copy->n_parties = 0; /* the index leaves with its entries here */
    copy->parties = NULL;
    o->trim = copy;
    o->fn.trim = fn;
    return op_send(o);
}

static void run_halt(struct op *o)
{
    o->seq = memstore_head(&sim.store);
    sim_fail("the ledger halts the store, which has lost nothing");
}

enum err store_halt(struct store *s, store_trim_fn *fn, void *arg)
{
    struct op *o = op_call(s, run_halt, tell_number, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->fn.trim = fn;
    return op_send(o);
}

static void run_confirm(struct op *o)
{
    const struct memstore *m = &sim.store;
    const char *why = NULL;
    if (o->from > memstore_head(m))
        why = "the journal ends with an earlier entry";
    else if (o->from > m->gone && o->text[0] != '\0' &&
             strcmp(m->journal[o->from - 1].link, o->text) != 0)
        why = "the entry is another one";
    op_take_reason(o, why);
    o->seq = memstore_head(m);
}

enum err store_confirm(struct store *s, uint64_t seq, const char *link, store_trim_fn *fn,
                       void *arg)
{
    struct op *o = op_call(s, run_confirm, tell_number, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->from = seq;
    o->text = copy_text(&o->arena, link);
    o->fn.trim = fn;
    return op_send(o);
}

/* ---- measuring */

static void run_measure(struct op *o)
{
    memstore_measure(&sim.store, o->bytes);
}

static void tell_measure(struct op *o)
{
    o->fn.measure(o->arg, o->err, o->err == ERR_OK ? o->bytes : NULL);
}

enum err store_measure(struct store *s, const struct store_measure *what, store_measure_fn *fn,
                       void *arg)
{
    (void)what;
    struct op *o = op_call(s, run_measure, tell_measure, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->fn.measure = fn;
    return op_send(o);
}

static void run_append_file(struct op *o)
{
    (void)o;
}

/* It has nothing that could be rewritten. */
static void tell_append_file(struct op *o)
{
    static const struct store_append_file none;
    o->fn.append_file(o->arg, o->err, o->err == ERR_OK ? &none : NULL);
}

enum err store_append_file(struct store *s, store_append_file_fn *fn, void *arg)
{
    struct op *o = op_call(s, run_append_file, tell_append_file, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->fn.append_file = fn;
    return op_send(o);
}

enum err store_rewrite(struct store *s, store_rewrite_fn *fn, void *arg)
{
    (void)s, (void)fn, (void)arg;
    return ERR_UNAVAILABLE;
}

const char *store_run(const struct store *s)
{
    (void)s;
    return "one start of redis";
}
