/* See world.h. */
#include "replay/world.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "services/audit/catalogue_load.h"
#include "tools/rulebook/rulebook.h"
#include "wire/json.h"

#define ARENA_BYTES (64u * 1024 * 1024)
#define GENESIS_MAX 48

struct world world;
static const char *root_dir;

/* ---- files */

const char *world_root(void)
{
    return root_dir;
}

const ProtobufCMessage *world_read(struct arena *a, const char *path,
                                   const ProtobufCMessageDescriptor *d)
{
    char full[1024];
    json_error_t at;
    struct err_text why = {""};
    ProtobufCMessage *m = NULL;
    (void)snprintf(full, sizeof full, "%s/%s", root_dir, path);
    json_t *json = json_load_file(full, JSON_REJECT_DUPLICATES, &at);
    if (json == NULL)
        (void)fprintf(stderr, "%s: %s\n", full, at.text);
    else if (wire_from_json(a, d, json, &m, &why) != ERR_OK)
        (void)fprintf(stderr, "%s: %s\n", full, why.text);
    json_decref(json);
    return m;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of a folder's JSON files, sorted: the order must not depend on the file system. */
static size_t list(const char *folder, const char **names, size_t max)
{
    char full[1024];
    size_t n = 0;
    (void)snprintf(full, sizeof full, "%s/examples/%s", root_dir, folder);
    DIR *d = opendir(full);
    if (d == NULL)
        return 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL && n < max;)
        if (strstr(e->d_name, ".json") != NULL)
            names[n++] = sim_need(arena_strdup(&world.arena, e->d_name));
    (void)closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    return n;
}

static bool read_folder(const char *folder, const ProtobufCMessageDescriptor *d, bool who,
                        struct examples *out)
{
    const char *names[32];
    char path[512];
    out->n = list(folder, names, 32);
    for (size_t i = 0; i < out->n; i++) {
        (void)snprintf(path, sizeof path, "examples/%s/%s", folder, names[i]);
        char *key = sim_need(arena_strdup(&world.arena, names[i]));
        *strchr(key, '.') = '\0';
        out->items[i] = (struct example){key, "", world_read(&world.arena, path, d)};
        if (out->items[i].message == NULL)
            return false;
        if (!who)
            continue;
        const Ismap__Liu__V1__Assessment *s = (const void *)out->items[i].message;
        out->items[i].who = s->ministry;
        size_t n = strlen(key), m = strlen(s->ministry);
        if (n > m + 1)
            key[n - m - 1] = '\0';
    }
    return out->n > 0;
}

const struct example *world_example(const struct examples *e, const char *key, const char *who)
{
    for (size_t i = 0; i < e->n; i++)
        if (strcmp(e->items[i].key, key) == 0 && (who == NULL || strcmp(e->items[i].who, who) == 0))
            return &e->items[i];
    return NULL;
}

/* ---- parties */

const struct party *world_party(const char *id)
{
    for (size_t i = 0; i < world.n_parties; i++)
        if (strcmp(world.parties[i].id, id) == 0)
            return &world.parties[i];
    return NULL;
}

static struct party *party_add(const char *id, Ismap__Liu__V1__Role role)
{
    if (world.n_parties == WORLD_PARTIES)
        abort();
    struct party *p = &world.parties[world.n_parties++];
    *p = (struct party){.id = id, .role = role};
    for (unsigned k = 0; k < 2; k++) {
        uint8_t seed[32] = {(uint8_t)world.n_parties, (uint8_t)k, 1};
        char name[16];
        (void)snprintf(name, sizeof name, "key-%u", k + 1);
        memset(p->curve[k], k == 0 ? 'a' : 'b', CURVE_Z85_BYTES - 1);
        memcpy(p->curve[k], id, strlen(id));
        if (signing_key_from_seed(name, seed, &p->signing[k]) != ERR_OK)
            abort();
    }
    return p;
}

Ismap__Liu__V1__PartyKeys *world_keys(struct arena *a, const struct party *p, unsigned which)
{
    Ismap__Liu__V1__PartyKeys *k = sim_need(arena_alloc(a, sizeof *k));
    Ismap__Liu__V1__SigningKey *s = sim_need(arena_alloc(a, sizeof *s));
    ismap__liu__v1__party_keys__init(k);
    ismap__liu__v1__signing_key__init(s);
    s->key_id = (char *)(uintptr_t)signing_key_id(p->signing[which]);
    s->public_key.len = ED25519_KEY_BYTES;
    s->public_key.data = sim_need(arena_alloc(a, ED25519_KEY_BYTES));
    signing_key_public(p->signing[which], s->public_key.data);
    k->n_curve = k->n_signing = 1;
    k->curve = sim_need(arena_alloc(a, sizeof *k->curve));
    k->curve[0] = (char *)(uintptr_t)p->curve[which];
    k->signing = sim_need(arena_alloc(a, sizeof *k->signing));
    k->signing[0] = s;
    return k;
}

static void operator_add(const char *id)
{
    Ismap__Liu__V1__Party *r = sim_need(arena_alloc(&world.arena, sizeof *r));
    struct party *p = party_add(id, ISMAP__LIU__V1__ROLE__ROLE_OPERATOR);
    ismap__liu__v1__party__init(r);
    r->id = (char *)(uintptr_t)id;
    r->role = p->role;
    r->name_ja = (char *)(uintptr_t) "ISMAP運用支援機関";
    r->name_en = (char *)(uintptr_t) "ISMAP operating support body";
    r->keys = world_keys(&world.arena, p, 0);
    p->record = r;
}

static bool parties_load(void)
{
    const char *names[32];
    char path[512];
    operator_add("operator");
    operator_add("operator-two");
    size_t n = list("parties", names, 32);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "examples/parties/%s", names[i]);
        Ismap__Liu__V1__Party *r =
            (void *)(uintptr_t)world_read(&world.arena, path, &ismap__liu__v1__party__descriptor);
        if (r == NULL)
            return false;
        struct party *p = party_add(r->id, r->role);
        r->keys = world_keys(&world.arena, p, 0);
        p->record = r;
    }
    n = list("feeds", names, 32);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "examples/feeds/%s", names[i]);
        Ismap__Liu__V1__Feed *r =
            (void *)(uintptr_t)world_read(&world.arena, path, &ismap__liu__v1__feed__descriptor);
        if (r == NULL)
            return false;
        struct party *p = party_add(r->id, ISMAP__LIU__V1__ROLE__ROLE_FEED);
        r->keys = world_keys(&world.arena, p, 0);
        p->feed = r;
    }
    return true;
}

Ismap__Liu__V1__SignedAssessment *world_signed(struct arena *a, const Ismap__Liu__V1__Assessment *s)
{
    Ismap__Liu__V1__SignedAssessment *out = sim_need(arena_alloc(a, sizeof *out));
    const struct party *ministry = world_party(s->ministry);
    const uint8_t *data;
    ismap__liu__v1__signed_assessment__init(out);
    if (ministry == NULL || wire_pack(a, &s->base, &data, &out->assessment.len) != ERR_OK)
        abort();
    out->assessment.data = (uint8_t *)(uintptr_t)data;
    out->key_id = (char *)(uintptr_t)signing_key_id(ministry->signing[0]);
    out->signature.len = ED25519_SIGNATURE_BYTES;
    out->signature.data = sim_need(arena_alloc(a, ED25519_SIGNATURE_BYTES));
    struct crypto_part parts[] = {{s->ministry, strlen(s->ministry)},
                                  {s->provider, strlen(s->provider)},
                                  {data, out->assessment.len}};
    if (crypto_sign(ministry->signing[0], DOMAIN_ASSESSMENT, parts, 3, out->signature.data) !=
        ERR_OK)
        abort();
    return out;
}

/* ---- rules */

static bool rules_load(void)
{
    static const char *const books[] = {"rules/regime-a.yaml", "rules/regime-a.yaml",
                                        "rules/regime-b.yaml"};
    struct arena *a = &world.arena;
    struct err_text why = {""};
    char path[1024];
    Ismap__Liu__V1__Rulebook *book;
    Ismap__Liu__V1__TargetList *targets;
    Ismap__Liu__V1__Catalogue *catalogue;
    bool ok = true;
    for (size_t i = 0; ok && i < WORLD_RULEBOOKS; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", root_dir, books[i]);
        ok = rulebook_load(path, a, &book, &why) == ERR_OK;
        if (ok && i == 1) {
            book->name = (char *)(uintptr_t) "regime-a-brake";
            book->incident->brake_suspensions = 2;
            book->incident->brake_window_s = 3600;
            book->incident->brake_clock_s = 20;
        }
        ok = ok && rulebook_canonical(a, book, &world.canonical[i], &world.canonical_bytes[i],
                                      NULL) == ERR_OK;
        world.rulebooks[i] = book;
    }
    (void)snprintf(path, sizeof path, "%s/rules/targets.yaml", root_dir);
    ok = ok && targets_load(path, a, &targets, &why) == ERR_OK;
    (void)snprintf(path, sizeof path, "%s/catalog/ismap-control-criteria-2022-04-01.csv", root_dir);
    ok = ok && catalogue_load(a, path, NULL, &catalogue, NULL, NULL, &why) == ERR_OK;
    if (!ok) {
        (void)fprintf(stderr, "replay: %s\n", why.text);
        return false;
    }
    world.targets = targets;
    world.catalogue = catalogue;
    return true;
}

bool world_load(const char *root)
{
    root_dir = root;
    arena_init(&world.arena, ARENA_BYTES);
    return rules_load() && parties_load() &&
           read_folder("cases", &ismap__liu__v1__submit_pre_application__descriptor, false,
                       &world.cases) &&
           read_folder("assessments", &ismap__liu__v1__assessment__descriptor, true,
                       &world.assessments) &&
           read_folder("registrations", &ismap__liu__v1__submit_registration__descriptor, false,
                       &world.registrations) &&
           read_folder("uses", &ismap__liu__v1__declare_use__descriptor, false, &world.uses) &&
           read_folder("alerts", &ismap__liu__v1__push_alerts__descriptor, false, &world.alerts) &&
           read_folder("targets", &ismap__liu__v1__target_business__descriptor, false,
                       &world.additions);
}

void world_free(void)
{
    for (size_t i = 0; i < world.n_parties; i++)
        for (unsigned k = 0; k < 2; k++)
            signing_key_free(world.parties[i].signing[k]);
    arena_fini(&world.arena);
    world = (struct world){.n_parties = 0};
}

/* ---- genesis: what liuctl's `store init` writes, and all parties and feeds */

struct genesis {
    struct arena arena;
    struct commit_put puts[GENESIS_MAX];
    Ismap__Liu__V1__RecordPut told[GENESIS_MAX];
    Ismap__Liu__V1__RecordPut *list[GENESIS_MAX];
    size_t n;
};

static void add(struct genesis *g, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    struct commit_put *p = &g->puts[g->n];
    Ismap__Liu__V1__RecordPut *t = &g->told[g->n];
    *p = (struct commit_put){.kind = kind, .id = id};
    if (wire_pack(&g->arena, m, &p->value, &p->value_bytes) != ERR_OK)
        abort();
    ismap__liu__v1__record_put__init(t);
    t->kind = (uint32_t)kind;
    t->id = (char *)(uintptr_t)id;
    t->revision = 1;
    t->value = (ProtobufCBinaryData){p->value_bytes, (uint8_t *)(uintptr_t)p->value};
    g->list[g->n++] = t;
}

static void add_active(struct genesis *g, const char *what, const char *ref, uint32_t version)
{
    Ismap__Liu__V1__Active m = ISMAP__LIU__V1__ACTIVE__INIT;
    m.ref = (char *)(uintptr_t)ref;
    m.version = version;
    m.since_ms = SIM_WALL_MS;
    m.by = (char *)(uintptr_t) "operator";
    add(g, RECORD_ACTIVE, what, &m.base);
}

static void add_all(struct genesis *g, const char *hash)
{
    const char *version = sim_need(arena_printf(&g->arena, "%u", world.targets->version));
    add(g, RECORD_RULEBOOK, hash, &world.rulebooks[0]->base);
    add(g, RECORD_TARGETS, version, &world.targets->base);
    add(g, RECORD_CATALOGUE, world.catalogue->version, &world.catalogue->base);
    add_active(g, "rulebook", hash, 1);
    add_active(g, "targets", version, world.targets->version);
    add_active(g, "catalogue", world.catalogue->version, 1);
    for (size_t i = 0; i < world.n_parties; i++) {
        const struct party *p = &world.parties[i];
        if (p->feed != NULL)
            add(g, RECORD_FEED, p->id, &p->feed->base);
        else
            add(g, RECORD_PARTY, p->id, &p->record->base);
    }
}

void world_genesis(void)
{
    struct genesis g = {.n = 0};
    Ismap__Liu__V1__StoreInitialised ev = ISMAP__LIU__V1__STORE_INITIALISED__INIT;
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    char hash[RULEBOOK_HASH_BYTES];
    const uint8_t *data;
    size_t bytes;
    arena_init(&g.arena, ARENA_BYTES);
    ev.epoch = (char *)(uintptr_t)SIM_EPOCH;
    ev.operator_ = (char *)(uintptr_t) "operator";
    if (rulebook_canonical(&g.arena, world.rulebooks[0], &data, &bytes, hash) != ERR_OK)
        abort();
    add_all(&g, hash);
    if (wire_pack(&g.arena, &ev.base, &data, &e.payload.len) != ERR_OK)
        abort();
    e.payload.data = (uint8_t *)(uintptr_t)data;
    e.at_ms = SIM_WALL_MS;
    e.actor = (char *)(uintptr_t) "store";
    e.cause = (char *)(uintptr_t) "store-init";
    e.type = (char *)(uintptr_t)ev.base.descriptor->name;
    e.rulebook_hash = hash;
    e.n_puts = g.n;
    e.puts = g.list;
    struct commit_entry entry = {.type = "StoreInitialised"};
    if (wire_pack(&g.arena, &e.base, &entry.data, &entry.bytes) != ERR_OK)
        abort();
    struct commit first = {.reply_type = "",
                           .now_ms = SIM_WALL_MS,
                           .puts = g.puts,
                           .n_puts = g.n,
                           .entries = &entry,
                           .n_entries = 1};
    client_commit_direct(&first);
    arena_fini(&g.arena);
}
