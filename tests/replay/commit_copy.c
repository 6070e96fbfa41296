/* See commit_copy.h. */
#include "replay/commit_copy.h"

#include "replay/sim.h"

void *copy_bytes(struct arena *a, const void *p, size_t n)
{
    static const char nothing[1];
    return sim_need(arena_dup(a, p == NULL ? nothing : p, n));
}

const char *copy_text(struct arena *a, const char *s)
{
    return s == NULL ? NULL : sim_need(arena_strdup(a, s));
}

const struct commit *commit_copy(struct arena *a, const struct commit *c)
{
    struct commit *out = copy_bytes(a, c, sizeof *c);
    struct commit_guard *guards = copy_bytes(a, c->guards, c->n_guards * sizeof *guards);
    struct commit_put *puts = copy_bytes(a, c->puts, c->n_puts * sizeof *puts);
    struct commit_entry *entries = copy_bytes(a, c->entries, c->n_entries * sizeof *entries);
    struct commit_timer *timers = copy_bytes(a, c->timers, c->n_timers * sizeof *timers);
    for (size_t i = 0; i < c->n_guards; i++)
        guards[i].id = copy_text(a, guards[i].id);
    for (size_t i = 0; i < c->n_puts; i++) {
        puts[i].id = copy_text(a, puts[i].id);
        puts[i].value = copy_bytes(a, puts[i].value, puts[i].value_bytes);
    }
    for (size_t i = 0; i < c->n_entries; i++) {
        struct commit_entry *e = &entries[i];
        const char **audience = copy_bytes(a, e->audience, e->n_audience * sizeof *audience);
        for (size_t k = 0; k < e->n_audience; k++)
            audience[k] = copy_text(a, audience[k]);
        e->audience = audience;
        e->data = copy_bytes(a, e->data, e->bytes);
        e->type = copy_text(a, e->type);
    }
    for (size_t i = 0; i < c->n_timers; i++) {
        timers[i].owner = copy_text(a, timers[i].owner);
        timers[i].member = copy_text(a, timers[i].member);
    }
    out->guards = guards;
    out->puts = puts;
    out->entries = entries;
    out->timers = timers;
    out->receipt_party = copy_text(a, c->receipt_party);
    out->receipt_id = copy_text(a, c->receipt_id);
    out->reply = copy_bytes(a, c->reply, c->reply_bytes);
    out->reply_type = copy_text(a, c->reply_type);
    if (c->noise != NULL) {
        struct commit_noise *n = copy_bytes(a, c->noise, sizeof *n);
        n->feed = copy_text(a, n->feed);
        n->data = copy_bytes(a, n->data, n->bytes);
        out->noise = n;
    }
    return out;
}
