/* Genesis: an empty Redis becomes the store, in one call of the Function, once. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "liuctl/commands.h"
#include "liuctl/store_order.h"
#include "rulebook/rulebook.h"
#include "services/audit/catalogue_load.h"
#include "wire/unpack.h"
#include "wire/validate.h"

#define GENESIS_KEYS 2
#define GENESIS_RECORDS (7 + GENESIS_KEYS)

struct genesis {
    struct cli *cli;
    struct commit_put puts[GENESIS_RECORDS];
    size_t n;
    int64_t now_ms;
    const char *operator_id;
    char rulebook_hash[RULEBOOK_HASH_BYTES];
};

static bool add(struct genesis *g, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    struct commit_put *p = &g->puts[g->n];
    *p = (struct commit_put){.kind = kind, .id = id};
    if (wire_pack(&g->cli->arena, m, &p->value, &p->value_bytes) != ERR_OK)
        return false;
    g->n++;
    return true;
}

static bool add_active(struct genesis *g, const char *what, const char *ref, uint32_t version)
{
    Ismap__Liu__V1__Active m = ISMAP__LIU__V1__ACTIVE__INIT;
    m.ref = (char *)(uintptr_t)ref;
    m.version = version;
    m.since_ms = g->now_ms;
    m.by = (char *)(uintptr_t)g->operator_id;
    return add(g, RECORD_ACTIVE, what, &m.base);
}

/* Its keys are taken, as claim_keys (lib/flow) would take them. */
static bool add_keys(struct genesis *g, const Ismap__Liu__V1__PartyKeys *keys)
{
    struct arena *a = &g->cli->arena;
    Ismap__Liu__V1__KeyHolder m = ISMAP__LIU__V1__KEY_HOLDER__INIT;
    bool ok = keys->n_curve <= GENESIS_KEYS;
    m.holder = arena_printf(a, "p:%s", g->operator_id);
    for (size_t i = 0; ok && i < keys->n_curve; i++) {
        char *id = arena_alloc(a, RECORD_KEY_ID_BYTES);
        ok = m.holder != NULL && id != NULL && record_key_id(keys->curve[i], id) == ERR_OK &&
             add(g, RECORD_KEY, id, &m.base);
    }
    return ok;
}

static int add_operator(struct genesis *g, const char *keys_path)
{
    struct cli *c = g->cli;
    Ismap__Liu__V1__Party p = ISMAP__LIU__V1__PARTY__INIT;
    p.keys = (void *)cli_read_message(c, &ismap__liu__v1__party_keys__descriptor, keys_path);
    if (p.keys == NULL)
        return CLI_INPUT;
    p.id = (char *)(uintptr_t)g->operator_id;
    p.role = ISMAP__LIU__V1__ROLE__ROLE_OPERATOR;
    p.name_ja = (char *)(uintptr_t) "ISMAP運用支援機関";
    p.name_en = (char *)(uintptr_t) "ISMAP operating support body";
    p.changed_at_ms = g->now_ms;
    p.changed_by = (char *)(uintptr_t) "store init";
    struct faults faults = {0};
    wire_validate(&c->arena, &p.base, &faults);
    for (size_t i = 0; i < faults.n; i++)
        (void)cli_fail(c, CLI_INPUT, "%s: %s: %s", keys_path, faults.items[i].field,
                       c->ja ? faults.items[i].ja : faults.items[i].en);
    if (faults.n > 0)
        return CLI_INPUT;
    bool ok = add(g, RECORD_PARTY, g->operator_id, &p.base) && add_keys(g, p.keys);
    return ok ? CLI_OK : CLI_TEMPORARY;
}

static int add_rules(struct genesis *g, const char *rules, const char *targets,
                     const char *catalogue)
{
    struct cli *c = g->cli;
    struct err_text why = {""};
    Ismap__Liu__V1__Rulebook *book;
    Ismap__Liu__V1__TargetList *list;
    Ismap__Liu__V1__Catalogue *items;
    const uint8_t *bytes;
    size_t n;
    if (rulebook_load(rules, &c->arena, &book, &why) != ERR_OK ||
        targets_load(targets, &c->arena, &list, &why) != ERR_OK ||
        catalogue_load(&c->arena, catalogue, NULL, &items, NULL, NULL, &why) != ERR_OK)
        return cli_fail(c, CLI_INPUT, "%s", why.text);
    if (rulebook_canonical(&c->arena, book, &bytes, &n, g->rulebook_hash) != ERR_OK)
        return CLI_TEMPORARY;
    const char *version = arena_printf(&c->arena, "%u", list->version);
    bool ok = version != NULL && add(g, RECORD_RULEBOOK, g->rulebook_hash, &book->base) &&
              add(g, RECORD_TARGETS, version, &list->base) &&
              add(g, RECORD_CATALOGUE, items->version, &items->base) &&
              add_active(g, "rulebook", g->rulebook_hash, 1) &&
              add_active(g, "targets", version, list->version) &&
              add_active(g, "catalogue", items->version, 1);
    return ok ? CLI_OK : CLI_TEMPORARY;
}

/* Entry 1 carries all first records, so that a rebuild starts from nothing. */
static bool entry_one(struct genesis *g, const char *epoch, struct commit_entry *out)
{
    struct cli *c = g->cli;
    Ismap__Liu__V1__StoreInitialised ev = ISMAP__LIU__V1__STORE_INITIALISED__INIT;
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    Ismap__Liu__V1__RecordPut puts[GENESIS_RECORDS];
    Ismap__Liu__V1__RecordPut *list[GENESIS_RECORDS];
    ev.epoch = (char *)(uintptr_t)epoch;
    ev.operator_ = (char *)(uintptr_t)g->operator_id;
    const uint8_t *payload;
    if (wire_pack(&c->arena, &ev.base, &payload, &e.payload.len) != ERR_OK)
        return false;
    e.payload.data = (uint8_t *)(uintptr_t)payload;
    e.at_ms = g->now_ms;
    e.actor = (char *)(uintptr_t) "store";
    e.cause = (char *)(uintptr_t) "store-init";
    e.type = (char *)(uintptr_t)ev.base.descriptor->name;
    e.rulebook_hash = g->rulebook_hash;
    for (size_t i = 0; i < g->n; i++) {
        ismap__liu__v1__record_put__init(&puts[i]);
        puts[i].kind = (uint32_t)g->puts[i].kind;
        puts[i].id = (char *)(uintptr_t)g->puts[i].id;
        puts[i].revision = 1;
        puts[i].value = (ProtobufCBinaryData){.len = g->puts[i].value_bytes,
                                              .data = (uint8_t *)(uintptr_t)g->puts[i].value};
        list[i] = &puts[i];
    }
    e.n_puts = g->n;
    e.puts = list;
    *out = (struct commit_entry){.type = "StoreInitialised"};
    return wire_pack(&c->arena, &e.base, &out->data, &out->bytes) == ERR_OK;
}

static int init(struct genesis *g)
{
    struct cli *c = g->cli;
    uint8_t random[16];
    char epoch[33];
    struct commit_entry entry;
    if (crypto_random(random, sizeof random) != ERR_OK)
        return CLI_TEMPORARY;
    text_hex(random, sizeof random, epoch);
    if (!entry_one(g, epoch, &entry))
        return CLI_TEMPORARY;
    struct commit first = {.reply_type = "",
                           .now_ms = g->now_ms,
                           .puts = g->puts,
                           .n_puts = g->n,
                           .entries = &entry,
                           .n_entries = 1};
    struct session s;
    struct err_text why = {""};
    int status = session_open(c, &s, false);
    enum err e = status == CLI_OK ? store_load_library(s.store, &why) : ERR_OK;
    if (status == CLI_OK && e == ERR_OK)
        e = store_init(s.store, epoch, &first, &why);
    if (e == ERR_EXISTS)
        status = cli_fail(c, CLI_REFUSED,
                          c->ja ? "保存先は空ではありません。初期化は一度だけです"
                                : "the store is not empty: it is initialised once");
    else if (e != ERR_OK)
        status = cli_fail(c, e == ERR_UNAVAILABLE ? CLI_TEMPORARY : CLI_REFUSED, "%s", why.text);
    else if (status == CLI_OK)
        cli_note(c, "%s %s",
                 c->ja ? "保存先を初期化しました。世代(epoch):" : "store initialised, epoch",
                 epoch);
    session_close(&s);
    return status;
}

int cmd_store_init(struct cli *c, struct cli_args *a)
{
    struct genesis g = {.cli = c, .now_ms = clock_wall_ms()};
    const char *keys = cli_option(a, "--operator");
    const char *rules = cli_option(a, "--rulebook");
    const char *targets = cli_option(a, "--targets");
    const char *catalogue = cli_option(a, "--catalogue");
    g.operator_id = cli_option(a, "--operator-id");
    if (!cli_done(c, a) || keys == NULL)
        return cli_usage(c, c->ja ? "--operator に最初の運用者の公開鍵ファイルを指定してください"
                                  : "give --operator the first operator's public keys");
    if (g.operator_id == NULL)
        g.operator_id = "operator";
    int status = cli_load_config(c);
    if (status == CLI_OK)
        status = add_operator(&g, keys);
    if (status == CLI_OK)
        status = add_rules(&g, rules == NULL ? "rules/regime-a.yaml" : rules,
                           targets == NULL ? "rules/targets.yaml" : targets,
                           catalogue == NULL ? "catalog/ismap-control-criteria-2022-04-01.csv"
                                             : catalogue);
    if (status == CLI_OK && c->dry_run) {
        cli_note(c, "%s: %zu",
                 c->ja ? "書き込みません(--dry-run)。最初の状態の件数"
                       : "not written (--dry-run); first records",
                 g.n);
        return CLI_OK;
    }
    return status == CLI_OK ? init(&g) : status;
}

struct store_told {
    struct session *session;
    enum err e;
    uint64_t seq;
    char why[160];
};

int cmd_store_migrate(struct cli *c, struct cli_args *a)
{
    struct session s;
    struct err_text why = {""};
    if (!cli_done(c, a))
        return CLI_USAGE;
    if (c->dry_run) {
        cli_note(c, "%s: %s", c->ja ? "読み込みません(--dry-run)" : "not loaded (--dry-run)",
                 store_library_hash());
        return CLI_OK;
    }
    int status = session_open(c, &s, false);
    if (status == CLI_OK && store_load_library(s.store, &why) != ERR_OK)
        status = cli_fail(c, CLI_TEMPORARY, "%s", why.text);
    if (status == CLI_OK)
        cli_note(c, "%s %s", c->ja ? "Function を読み込みました:" : "Function library loaded:",
                 store_library_hash());
    session_close(&s);
    return status;
}

static void on_store_told(void *arg, enum err e, uint64_t seq, const char *why)
{
    struct store_told *t = arg;
    t->e = e;
    t->seq = seq;
    (void)text_copy(t->why, sizeof t->why, why);
    t->session->done = true;
}

static void on_committed(void *arg, const struct commit_result *r)
{
    struct store_told *t = arg;
    t->e = r->status == COMMIT_OK ? ERR_OK : ERR_UNAVAILABLE;
    t->seq = r->seq;
    (void)text_copy(t->why, sizeof t->why, r->text == NULL ? "" : r->text);
    t->session->done = true;
}

/* In the journal first: whoever sees the word carried out finds who gave it. */
static int confirm(struct store_told *t, uint64_t head, char *reason)
{
    struct session *s = t->session;
    struct cli *c = s->cli;
    struct store_order o;
    struct commit_entry entry;
    Ismap__Liu__V1__ConfirmStore m = ISMAP__LIU__V1__CONFIRM_STORE__INIT;
    Ismap__Liu__V1__StoreConfirmed ev = ISMAP__LIU__V1__STORE_CONFIRMED__INIT;
    m.epoch = (char *)(uintptr_t)store_epoch(s->store);
    m.run = ev.run = (char *)(uintptr_t)store_run(s->store);
    m.head_seq = ev.head_seq = head;
    m.reason = ev.reason = reason;
    int status = store_order_sign(c, &m.base, &o);
    if (status != CLI_OK)
        return status;
    ev.operator_ = (char *)(uintptr_t)c->identity;
    ev.order = (ProtobufCBinaryData){.len = o.bytes, .data = (uint8_t *)(uintptr_t)o.envelope};
    struct commit commit = {
        .reply_type = "", .now_ms = clock_wall_ms(), .entries = &entry, .n_entries = 1};
    if (!store_order_entry(c, &o, &ev.base, commit.now_ms, &entry))
        return cli_no_memory(c);
    if (store_commit(s->store, STORE_MAIN, &commit, on_committed, t) != ERR_OK)
        return cli_redis_away(c);
    status = session_wait(s);
    if (status != CLI_OK || t->e != ERR_OK)
        return status;
    if (store_confirm(s->store, t->seq, "", on_store_told, t) != ERR_OK)
        return cli_redis_away(c);
    return session_wait(s);
}

/* The operator's word in the place of the ledger's, which cannot come: its archive is lost. */
int cmd_store_confirm(struct cli *c, struct cli_args *a)
{
    struct session s = {.cli = c};
    struct store_told t = {.session = &s};
    uint64_t head = 0;
    char question[256];
    char *reason = NULL;
    int status = store_order_reason(c, cli_option(a, "--reason"), &reason);
    if (status != CLI_OK || !cli_done(c, a))
        return status == CLI_OK ? CLI_USAGE : status;
    status = session_open(c, &s, true);
    if (status == CLI_OK)
        status = store_order_allowed(&s);
    if (status == CLI_OK)
        status = session_head(&s, &head);
    (void)snprintf(
        question, sizeof question,
        c->ja ? "記録は %llu 件で終わっています。台帳の確認なしでこの Redis を使いますか"
              : "The journal ends with entry %llu. Use this Redis without the ledger's word?",
        (unsigned long long)head);
    if (status == CLI_OK && (c->dry_run || !cli_confirm(c, question)))
        status = c->dry_run ? CLI_OK : CLI_USAGE;
    else if (status == CLI_OK)
        status = confirm(&t, head, reason);
    if (status == CLI_OK && t.e != ERR_OK)
        status = cli_fail(c, t.e == ERR_UNAVAILABLE ? CLI_TEMPORARY : CLI_REFUSED, "%s", t.why);
    if (status == CLI_OK && !c->dry_run)
        cli_note(c,
                 c->ja ? "確認しました。理由は記録簿の %llu 番にあります"
                       : "confirmed; entry %llu of the journal says who and why",
                 (unsigned long long)t.seq);
    session_close(&s);
    return status;
}
