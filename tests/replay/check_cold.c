/* See check_cold.h. The answers in the midst of a run are held against the store in client_cold.c.
 */
#include "replay/check_cold.h"

#include <string.h>

#include "base/bytes.h"
#include "replay/agent.h"
#include "services/ledger/ledger_private.h"

#define VALUE_BYTES (16u << 20)

struct check_cold_count check_cold_count;

static const struct cold *cold_of_ledger(void)
{
    const struct flow *f = sim.nodes[NODE_LEDGER].flow;
    const struct ledger *l = f == NULL ? NULL : f->state;
    return l == NULL ? NULL : l->cold;
}

bool check_cold_rests(void)
{
    const struct cold *c = cold_of_ledger();
    if (c == NULL || c->stage == COLD_OFF)
        return c != NULL;
    return c->known && c->stage == COLD_IDLE && !c->looking && c->stored >= c->published &&
           sim.store.asked == NULL;
}

/* The value as it is in the table, appended; NULL when it is not there. */
static const uint8_t *in_table(struct buf *b, enum record_kind kind, const char *id,
                               struct cold_record *out)
{
    struct err_text why = {""};
    buf_clear(b);
    enum err e = cold_get(cold_of_ledger()->file, (uint32_t)kind, id, strlen(id), b, out, &why);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        sim_fail("%s in the table: %s", id, why.text);
    return e == ERR_OK ? (b->len == 0 ? (const uint8_t *)"" : b->data) : NULL;
}

static void check_record(struct buf *b, const struct mem_record *r)
{
    struct cold_record is;
    const uint8_t *value = in_table(b, r->kind, r->id, &is);
    if (value == NULL)
        sim_fail("%s has left and is not in the table", r->key);
    else if (is.revision != r->revision || is.bytes != r->bytes ||
             memcmp(value, r->value, r->bytes) != 0)
        sim_fail("%s has left with revision %llu, the table has %llu", r->key,
                 (unsigned long long)r->revision, (unsigned long long)is.revision);
}

static void check_receipt(struct buf *b, const struct mem_receipt *r)
{
    struct cold_record is;
    const uint8_t *value = in_table(b, RECORD_RECEIPT, r->key, &is);
    if (value == NULL)
        sim_fail("the receipt %s has left and is not in the table", r->key);
    else if (is.revision != r->seq || is.bytes < 40 || memcmp(value, r->hash, 32) != 0 ||
             be64_get(value + 32) != r->seq)
        sim_fail("the receipt %s is another one in the table", r->key);
}

void check_cold_settled(void)
{
    struct buf b;
    bool any = false;
    sim.store.server_ms = sim_wall_ms();
    buf_init(&b, VALUE_BYTES);
    for (const struct mem_record *r = sim.store.records; r != NULL; r = r->hh.next) {
        any = any || r->left;
        if (r->left)
            check_record(&b, r);
    }
    for (const struct mem_receipt *r = sim.store.receipts; r != NULL; r = r->hh.next)
        if (r->left && sim.store.server_ms < r->expires_ms)
            check_receipt(&b, r);
    buf_fini(&b);
    if (sim.store.asked != NULL)
        sim_fail("%s stays in the table of what is asked for", sim.store.asked->name);
    check_cold_count.runs += any;
    check_cold_count.left += sim.cold_left;
    check_cold_count.back += sim.cold_back;
    check_cold_count.asked += sim.cold_asked;
    check_cold_count.found += sim.cold_found;
    check_cold_count.waited += sim.cold_receipts;
    check_cold_count.away += sim.cold_away;
    check_cold_count.recalled += agents.recalled;
}
