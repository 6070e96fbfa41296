/* lib/store over the store in memory. Each service has four connections, as the real client has. A
 * command takes time to reach the server, where it runs at once, and its answer takes time to come
 * back; a connection that is lost loses answers, and perhaps what was on its way.
 */
#include "replay/client_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TO_SERVER_US 300 /* and back, at most, but for the late ones */
#define RECONNECT_MS 800
#define LATE_US (12 * 1000 * SIM_MS)
#define ENTRIES_MAX 256
#define DUE_MAX 1024

/* ---- the server's side */

static void tails_poke(void);

static void take_record(struct op *o, const struct mem_record *r, struct store_record *out)
{
    *out = (struct store_record){.exists = r != NULL};
    if (r == NULL)
        return;
    out->revision = r->revision;
    out->bytes = r->bytes;
    out->value = copy_bytes(&o->arena, r->value, r->bytes);
}

static void run_read(struct op *o)
{
    o->found = sim_need(arena_alloc(&o->arena, o->n * sizeof *o->found));
    for (size_t i = 0; i < o->n; i++)
        take_record(o, memstore_record(&sim.store, o->keys[i].kind, o->keys[i].id), &o->found[i]);
}

/* Pages begin at an index; `to` is the next one, 0 = the end. */
static void run_scan(struct op *o)
{
    size_t n = sim.store.n_scan[o->records];
    size_t end = o->from + o->max < n ? o->from + o->max : n;
    o->n = end > o->from ? end - o->from : 0;
    o->to = end < n ? end : 0;
    o->found = sim_need(arena_alloc(&o->arena, (o->n + 1) * sizeof *o->found));
    o->ids = sim_need(arena_alloc(&o->arena, (o->n + 1) * sizeof *o->ids));
    size_t found = 0;
    for (size_t i = 0; i < o->n; i++) {
        const struct mem_record *r = sim.store.scan[o->records][o->from + i];
        if (r->left)
            continue;
        o->ids[found] = r->id;
        take_record(o, r, &o->found[found++]);
    }
    o->n = found;
}

/* What was trimmed is kept for the checks: its bytes need no copy. */
static void take_entry(uint64_t seq, struct store_entry *out)
{
    const struct mem_entry *e = &sim.store.journal[seq - 1];
    *out = (struct store_entry){.seq = seq,
                                .data = e->data,
                                .bytes = e->bytes,
                                .link = (const uint8_t *)e->link,
                                .link_bytes = MEMSTORE_LINK_BYTES - 1};
}

static void run_entries(struct op *o)
{
    uint64_t to = o->to < memstore_head(&sim.store) ? o->to : memstore_head(&sim.store);
    uint64_t from = o->from > sim.store.gone ? o->from : sim.store.gone + 1;
    o->entries = sim_need(arena_alloc(&o->arena, (o->max + 1) * sizeof *o->entries));
    for (uint64_t seq = from; seq <= to && o->n < o->max; seq++)
        take_entry(seq, &o->entries[o->n++]);
}

static void run_audience(struct op *o)
{
    const struct mem_index *x[2] = {memstore_index(&sim.store, o->text),
                                    memstore_index(&sim.store, "public")};
    size_t at[2] = {0, 0};
    o->seq = sim.store.gone + 1;
    if (o->from < sim.store.gone)
        o->from = sim.store.gone;
    o->entries = sim_need(arena_alloc(&o->arena, (o->max + 1) * sizeof *o->entries));
    for (;;) {
        uint64_t seq[2] = {UINT64_MAX, UINT64_MAX};
        for (size_t i = 0; i < 2; i++) {
            while (x[i] != NULL && at[i] < x[i]->n && x[i]->seqs[at[i]] <= o->from)
                at[i]++;
            if (x[i] != NULL && at[i] < x[i]->n && x[i]->seqs[at[i]] <= o->to)
                seq[i] = x[i]->seqs[at[i]];
        }
        uint64_t next = seq[0] < seq[1] ? seq[0] : seq[1];
        o->more = next != UINT64_MAX && o->n == o->max;
        if (next == UINT64_MAX || o->more)
            return;
        take_entry(next, &o->entries[o->n++]);
        at[0] += seq[0] == next;
        at[1] += seq[1] == next;
    }
}

static void run_due(struct op *o)
{
    const struct mem_timer *due[DUE_MAX];
    o->n = memstore_due(&sim.store, o->text, o->now_ms, due, o->max < DUE_MAX ? o->max : DUE_MAX);
    o->due = sim_need(arena_alloc(&o->arena, (o->n + 1) * sizeof *o->due));
    for (size_t i = 0; i < o->n; i++)
        o->due[i] = (struct store_due){.member = copy_text(&o->arena, due[i]->member),
                                       .due_ms = due[i]->due_ms};
}

static void keep_result(struct op *o, struct commit_result r)
{
    o->result = r;
    o->result.reply = copy_bytes(&o->arena, r.reply, r.reply_bytes);
    o->result.reply_type = copy_text(&o->arena, r.reply_type);
    o->result.text = copy_text(&o->arena, r.text);
}

static void run_commit(struct op *o)
{
    const char *who = o->commit->receipt_id == NULL ? "-" : o->commit->receipt_id;
    if (o->store != NULL && rng_chance(&sim.rng, sim.faults.refused)) {
        o->result = (struct commit_result){.status = COMMIT_UNAVAILABLE, .text = "OOM replayed"};
        sim_trace("redis refuses a commit (%s)", who);
        return;
    }
    if (sim.store.max_bytes > 0 && memstore_used(&sim.store) > sim.store.max_bytes) {
        o->result = (struct commit_result){.status = COMMIT_UNAVAILABLE, .text = "OOM"};
        sim.oom++;
        sim_trace("redis has no memory for a commit (%s)", who);
        return;
    }
    if (o->store != NULL && rng_chance(&sim.rng, sim.faults.conflict)) {
        o->result = (struct commit_result){.status = COMMIT_CONFLICT, .text = "replayed"};
        sim_trace("redis says CONFLICT by order (%s)", who);
        return;
    }
    sim.store.server_ms = sim_wall_ms();
    bool known = cold_knows_receipt(o->commit);
    keep_result(o, memstore_commit(&sim.store, o->commit, o->reason));
    if (known && o->result.status == COMMIT_OK)
        sim_fail("%s is taken as new: its receipt has left and is not over", who);
    sim.cold_receipts += o->result.status == COMMIT_COLD;
    sim_trace("redis: commit %s of %zu puts, %zu entries -> %d seq %llu %s%s", who,
              o->commit->n_puts, o->commit->n_entries, (int)o->result.status,
              (unsigned long long)o->result.seq, o->result.text,
              o->store == NULL ? " (its sender is gone)" : "");
    if (o->result.status == COMMIT_OK && o->commit->n_entries > 0)
        tails_poke();
}

static void op_run(struct op *o)
{
    switch (o->kind) {
    case OP_READ:
        run_read(o);
        break;
    case OP_SCAN:
        run_scan(o);
        break;
    case OP_HEAD:
        o->seq = memstore_head(&sim.store);
        break;
    case OP_ENTRIES:
        run_entries(o);
        break;
    case OP_AUDIENCE:
        run_audience(o);
        break;
    case OP_DUE:
        run_due(o);
        break;
    case OP_COMMIT:
        run_commit(o);
        break;
    case OP_CALL:
        o->run(o);
        break;
    }
}

/* ---- the client's side */

static void op_free(struct op *o)
{
    if (o->store != NULL) {
        if (o->prev != NULL)
            o->prev->next = o->next;
        else
            o->store->ops = o->next;
        if (o->next != NULL)
            o->next->prev = o->prev;
    }
    arena_fini(&o->arena);
    free(o);
}

static void op_answer(struct op *o)
{
    char page[24] = "";
    bool ok = o->err == ERR_OK;
    if (o->to > 0)
        (void)snprintf(page, sizeof page, "%llu", (unsigned long long)o->to);
    switch (o->kind) {
    case OP_READ:
        o->fn.read(o->arg, o->err, ok ? o->found : NULL, ok ? o->n : 0);
        break;
    case OP_SCAN:
        o->fn.scan(o->arg, o->err, ok ? page : "", o->ids, o->found, ok ? o->n : 0);
        break;
    case OP_HEAD:
        o->fn.head(o->arg, o->err, o->seq);
        break;
    case OP_ENTRIES:
        o->fn.entries(o->arg, o->err, o->entries, ok ? o->n : 0);
        break;
    case OP_AUDIENCE:
        o->fn.audience(o->arg, o->err, o->seq, o->entries, ok ? o->n : 0, ok && o->more);
        break;
    case OP_DUE:
        o->fn.due(o->arg, o->err, o->due, ok ? o->n : 0);
        break;
    case OP_COMMIT:
        o->fn.commit(o->arg, &o->result);
        break;
    case OP_CALL:
        o->tell(o);
        break;
    }
}

/* The connection ends before the answer: the caller is told, the command may still run. */
static void op_abandon(struct op *o)
{
    struct store *s = o->store;
    bool may_run = (o->kind == OP_COMMIT || o->writes) && !o->ran;
    bool runs = may_run && rng_chance(&sim.rng, 500);
    memory_calm();
    if (runs && o->kind == OP_COMMIT)
        o->commit = commit_copy(&o->arena, o->commit);
    memory_uncalm();
    if (o->prev != NULL)
        o->prev->next = o->next;
    else
        s->ops = o->next;
    if (o->next != NULL)
        o->next->prev = o->prev;
    o->store = NULL;
    o->lost = may_run && !runs;
    struct op told = *o;
    told.err = ERR_UNAVAILABLE;
    told.result = (struct commit_result){.status = COMMIT_UNKNOWN, .text = "no answer"};
    if (o->lost && rng_chance(&sim.rng, 300))
        told.result.status = COMMIT_UNAVAILABLE;
    op_answer(&told);
}

static void on_run(void *arg);

static void op_drop(void *op)
{
    op_free(op);
}

static void on_answer(void *arg)
{
    struct op *o = arg;
    if (o->store != NULL)
        op_answer(o);
    op_free(o);
}

/* Nobody waits for it any more, and it lay somewhere on the way for a while. */
static bool is_late(struct op *o)
{
    bool writes = o->writes || (o->kind == OP_COMMIT && sim.ledger.freeze_seconds > 0);
    if (o->store != NULL || o->lost || !writes || o->late || !rng_chance(&sim.rng, 500))
        return false;
    o->late = true;
    sim_after_drop((int64_t)rng_below(&sim.rng, LATE_US), on_run, o, op_drop);
    return true;
}

static void on_run(void *arg)
{
    struct op *o = arg;
    if (is_late(o))
        return;
    if (!o->lost && (o->store != NULL || o->kind == OP_COMMIT || o->writes)) {
        op_run(o);
        o->ran = true;
    }
    if (o->store == NULL) {
        op_free(o);
        return;
    }
    struct conn *c = &o->store->conns[o->conn];
    int64_t at = sim.now_us + sim_delay_us(20, TO_SERVER_US);
    if (at < c->answers_us)
        at = c->answers_us;
    c->answers_us = at;
    /* the drop runs when the service is gone: its operations were abandoned then */
    sim_after_node(o->store->node, at - sim.now_us, on_answer, o, on_answer);
}

enum err op_send(struct op *o)
{
    struct store *s = o->store;
    struct conn *c = &s->conns[o->conn];
    o->next = s->ops;
    if (s->ops != NULL)
        s->ops->prev = o;
    s->ops = o;
    int64_t at = sim.now_us + sim_delay_us(20, TO_SERVER_US);
    if (at < c->runs_us)
        at = c->runs_us;
    c->runs_us = at;
    sim_after_drop(at - sim.now_us, on_run, o, op_drop);
    memory_uncalm();
    return ERR_OK;
}

static void lose(struct node *n, int conn);

static void on_lost(void *arg)
{
    lose(arg, (int)rng_below(&sim.rng, CONNS + 1) - 1);
}

void client_lose(struct node *n)
{
    if (n->flow != NULL)
        sim_after_node(n, 0, on_lost, n, NULL);
}

struct op *op_new(struct store *s, int conn, enum op_kind kind, void *arg)
{
    if (!s->conns[conn].ready)
        return NULL;
    if (rng_chance(&sim.rng, sim.faults.conn_lost))
        sim_after_node(s->node, sim_delay_us(0, TO_SERVER_US), on_lost, s->node, NULL);
    if (kind != OP_COMMIT && rng_chance(&sim.rng, sim.faults.read_fails))
        return NULL;
    memory_calm(); /* until op_send */
    struct op *o = sim_need(calloc(1, sizeof *o));
    o->store = s;
    o->kind = kind;
    o->conn = conn;
    o->arg = arg;
    o->err = ERR_OK;
    arena_init(&o->arena, 256u * 1024 * 1024);
    return o;
}

static enum err read_on(struct store *s, int conn, const struct store_key *keys, size_t n,
                        store_read_fn *fn, void *arg)
{
    struct op *o = op_new(s, conn, OP_READ, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    struct store_key *copy = copy_bytes(&o->arena, keys, n * sizeof *keys);
    for (size_t i = 0; i < n; i++)
        copy[i].id = copy_text(&o->arena, keys[i].id);
    o->keys = copy;
    o->n = n;
    o->fn.read = fn;
    return op_send(o);
}

enum err store_read(struct store *s, const struct store_key *keys, size_t n, store_read_fn *fn,
                    void *arg)
{
    return read_on(s, CONN_READS, keys, n, fn, arg);
}

enum err store_read_urgent(struct store *s, const struct store_key *keys, size_t n,
                           store_read_fn *fn, void *arg)
{
    return read_on(s, CONN_URGENT, keys, n, fn, arg);
}

enum err store_scan(struct store *s, enum record_kind kind, const char *page, uint32_t max,
                    store_scan_fn *fn, void *arg)
{
    struct op *o = op_new(s, CONN_READS, OP_SCAN, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->records = kind;
    o->from = strtoull(page, NULL, 10);
    o->max = max == 0 ? 1 : max;
    o->fn.scan = fn;
    return op_send(o);
}

enum err store_head(struct store *s, store_head_fn *fn, void *arg)
{
    struct op *o = op_new(s, CONN_READS, OP_HEAD, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->fn.head = fn;
    return op_send(o);
}

enum err store_entries(struct store *s, uint64_t from, uint64_t to, uint32_t max,
                       store_entries_fn *fn, void *arg)
{
    struct op *o = op_new(s, CONN_READS, OP_ENTRIES, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->from = from;
    o->to = to;
    o->max = max == 0 ? 1 : max;
    o->fn.entries = fn;
    return op_send(o);
}

enum err store_audience(struct store *s, const char *party, uint64_t after, uint64_t to,
                        uint32_t max, store_audience_fn *fn, void *arg)
{
    struct op *o = op_new(s, CONN_READS, OP_AUDIENCE, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->text = copy_text(&o->arena, party);
    o->from = after;
    o->to = to;
    o->max = max;
    o->fn.audience = fn;
    return op_send(o);
}

enum err store_due(struct store *s, const char *owner, int64_t now_ms, uint32_t max,
                   store_due_fn *fn, void *arg)
{
    struct op *o = op_new(s, CONN_READS, OP_DUE, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->text = copy_text(&o->arena, owner);
    o->now_ms = now_ms;
    o->max = max;
    o->fn.due = fn;
    return op_send(o);
}

enum err store_commit(struct store *s, enum store_lane lane, const struct commit *c, commit_fn *fn,
                      void *arg)
{
    struct op *o = op_new(s, lane == STORE_URGENT ? CONN_URGENT : CONN_MAIN, OP_COMMIT, arg);
    if (o == NULL)
        return ERR_UNAVAILABLE;
    o->commit = c;
    o->fn.commit = fn;
    return op_send(o);
}

/* ---- the tail */

static void tail_poke(struct store *s);

static void on_tail(void *arg)
{
    struct store *s = arg;
    struct store_entry entries[ENTRIES_MAX];
    uint64_t head = memstore_head(&sim.store);
    size_t n = head > s->tail_seq ? (size_t)(head - s->tail_seq) : 0;
    s->tail_asked = false;
    if (!s->conns[CONN_TAIL].ready || n == 0)
        return;
    if (s->tail_seq < sim.store.gone) { /* it was away for too long */
        sim_trace("the journal begins behind what it has seen");
        s->tail(s->tail_arg, ERR_DATA_LOSS, NULL, 0);
        return;
    }
    n = n > ENTRIES_MAX ? ENTRIES_MAX : n;
    n = 1 + (size_t)rng_below(&sim.rng, n);
    for (size_t i = 0; i < n; i++)
        take_entry(s->tail_seq + 1 + i, &entries[i]);
    s->tail_seq += n;
    s->tail(s->tail_arg, ERR_OK, entries, n);
    tail_poke(s);
}

static void tail_poke(struct store *s)
{
    if (s->tail == NULL || s->tail_asked || !s->conns[CONN_TAIL].ready ||
        s->tail_seq >= memstore_head(&sim.store))
        return;
    s->tail_asked = true;
    sim_after_node(s->node, sim_delay_us(50, 2 * TO_SERVER_US), on_tail, s, NULL);
}

static void tails_poke(void)
{
    for (size_t i = 0; i < SIM_NODES; i++)
        if (sim.nodes[i].flow != NULL && sim.nodes[i].flow->store != NULL)
            tail_poke(sim.nodes[i].flow->store);
}

enum err store_tail(struct store *s, uint64_t from, store_tail_fn *fn, void *arg)
{
    if (s->tail != NULL)
        return ERR_EXISTS;
    s->tail = fn;
    s->tail_arg = arg;
    s->tail_seq = from;
    tail_poke(s);
    return ERR_OK;
}

/* ---- connections */

static void ready_changed(struct store *s)
{
    bool all = true;
    for (size_t i = 0; i < CONNS; i++)
        all = all && s->conns[i].ready;
    if (all == s->ready)
        return;
    s->ready = all;
    if (s->on_ready != NULL)
        s->on_ready(s->on_ready_arg, all);
}

static void on_connected(void *arg)
{
    struct store *s = arg;
    for (size_t i = 0; i < CONNS; i++)
        s->conns[i].ready = true;
    ready_changed(s);
    tail_poke(s);
}

/* -1: all of them. */
static void lose(struct node *n, int conn)
{
    struct store *s = n->flow == NULL ? NULL : n->flow->store;
    if (s == NULL)
        return;
    sim_trace("%s loses %s to redis", n->svc->name, conn < 0 ? "its connections" : "a connection");
    for (int i = 0; i < CONNS; i++)
        if (conn < 0 || conn == i)
            s->conns[i].ready = false;
    struct op *mine[1024];
    size_t count = 0;
    for (struct op *o = s->ops; o != NULL && count < 1024; o = o->next)
        if (!s->conns[o->conn].ready)
            mine[count++] = o;
    while (count-- > 0)
        op_abandon(mine[count]);
    ready_changed(s);
    sim_after_node(n, (1 + (int64_t)rng_below(&sim.rng, RECONNECT_MS)) * SIM_MS, on_connected, s,
                   NULL);
}

enum err store_create(struct loop *l, const struct store_config *c, struct store **out,
                      struct err_text *why)
{
    (void)l, (void)c, (void)why;
    struct store *s = sim_need(calloc(1, sizeof *s));
    s->node = sim.current;
    *out = s;
    sim_after_node(s->node, sim_delay_us(SIM_MS, 20 * SIM_MS), on_connected, s, NULL);
    return ERR_OK;
}

void store_destroy(struct store *s)
{
    if (s == NULL)
        return;
    s->on_ready = NULL;
    for (size_t i = 0; i < CONNS; i++)
        s->conns[i].ready = false;
    while (s->ops != NULL) {
        struct op *last = s->ops;
        while (last->next != NULL)
            last = last->next;
        op_abandon(last);
    }
    s->node->flow->store = NULL;
    free(s);
}

bool store_ready(const struct store *s, const char **why)
{
    bool ready = s != NULL && s->ready;
    if (why != NULL)
        *why = ready ? "" : "connecting";
    return ready;
}

const char *store_epoch(const struct store *s)
{
    (void)s;
    return SIM_EPOCH;
}

enum store_pressure store_pressure(const struct store *s)
{
    (void)s;
    enum store_pressure whole = budget_whole(memstore_used(&sim.store), sim.store.max_bytes);
    return whole > sim.pressure ? whole : sim.pressure;
}

int64_t store_server_ms(const struct store *s)
{
    (void)s;
    return sim_wall_ms();
}

void store_memory_used(const struct store *s, uint64_t *used_bytes, uint64_t *max_bytes)
{
    (void)s;
    *used_bytes = memstore_used(&sim.store);
    *max_bytes = sim.store.max_bytes;
}

void store_tls_look(struct store *s)
{
    (void)s;
}

int64_t store_tls_until_s(const struct store *s)
{
    (void)s;
    return 0;
}

void store_set_timeout(struct store *s, int64_t timeout_ms)
{
    (void)s, (void)timeout_ms;
}

void store_on_ready(struct store *s, void (*fn)(void *arg, bool ready), void *arg)
{
    s->on_ready = fn;
    s->on_ready_arg = arg;
}

const char *client_busy(const struct node *n)
{
    static char text[120];
    const struct store *s = n->flow == NULL ? NULL : n->flow->store;
    if (s == NULL)
        return "it is down";
    if (s->tail_seq != memstore_head(&sim.store)) {
        (void)snprintf(text, sizeof text, "its tail is at %llu", (unsigned long long)s->tail_seq);
        return text;
    }
    if (s->ops == NULL)
        return NULL;
    (void)snprintf(text, sizeof text, "operation %d was %srun and not answered", (int)s->ops->kind,
                   s->ops->ran ? "" : "not ");
    return text;
}

void client_commit_direct(const struct commit *c)
{
    char text[256];
    const struct commit_result r = memstore_commit(&sim.store, c, text);
    if (r.status != COMMIT_OK)
        sim_fail("genesis: %s", r.text);
}
