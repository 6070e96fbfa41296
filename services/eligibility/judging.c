/* From records to a verdict and back into records: the part every door of the service needs. */
#include "services/eligibility/judging.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "wire/unpack.h"

bool judging_rules_in_force(struct work *w, struct judging_rules *out)
{
    const void *active = NULL;
    const void *list = NULL;
    *out = (struct judging_rules){.hash = ""};
    bool ready =
        work_rulebook(w, &out->rules, &out->hash) & work_get(w, RECORD_ACTIVE, "targets", &active);
    if (!ready)
        return false;
    if (out->rules == NULL || out->hash == NULL)
        out->hash = "";
    out->active = active;
    if (active == NULL)
        return true;
    if (!work_get(w, RECORD_TARGETS, out->active->ref, &list))
        return false;
    out->list = list;
    return true;
}

bool judging_rules_of(struct work *w, const PB(Verdict) * v, struct judging_rules *out)
{
    const void *rules = NULL;
    const void *list = NULL;
    bool ready = true;
    *out = (struct judging_rules){.hash = v->rulebook_hash};
    if (v->rulebook_hash[0] != '\0')
        ready = ready & work_get(w, RECORD_RULEBOOK, v->rulebook_hash, &rules);
    if (v->list_version != 0) {
        const char *id = arena_printf(work_arena(w), "%" PRIu32, v->list_version);
        if (id != NULL)
            ready = ready & work_get(w, RECORD_TARGETS, id, &list);
    }
    out->rules = rules;
    out->list = list;
    return ready;
}

enum err judging_run(struct work *w, const PB(Case) * c, const struct judging_rules *r,
                     const PB(Confirmation) * confirmation, int64_t now_ms,
                     struct judging_outcome *out)
{
    struct arena *a = work_arena(w);
    struct elig_case facts;
    struct elig_rules rules;
    struct elig_list list;
    struct elig_confirmation k;
    struct elig_input in = {.c = &facts, .now_ms = now_ms};
    struct elig_verdict v;
    enum err e = map_case(a, c, &facts);
    if (e == ERR_OK && r->rules != NULL) {
        e = map_rules(a, r->rules, &rules);
        in.rules = &rules;
    }
    if (e == ERR_OK && r->list != NULL) {
        e = map_list(a, r->list, &list);
        in.list = &list;
    }
    if (confirmation != NULL) {
        map_confirmation(confirmation, &k);
        in.confirmation = &k;
    }
    if (e == ERR_OK)
        e = elig_judge(a, &in, &v);
    if (e != ERR_OK)
        return e;
    const struct map_context x = {.case_id = c->id,
                                  .rulebook_hash = r->hash,
                                  .list_version = r->list != NULL ? r->list->version : 0,
                                  .evidence_version = c->evidence_version};
    out->retry = v.retry;
    return map_verdict(a, &v, &x, &out->verdict);
}

/* A set of party ids in order of arrival. */
struct ids {
    char **items;
    size_t n;
    size_t max;
};

static void ids_add(struct ids *set, char *id)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->items[i], id) == 0)
            return;
    if (set->n < set->max && id[0] != '\0')
        set->items[set->n++] = id;
}

static bool ids_init(struct ids *set, struct arena *a)
{
    *set = (struct ids){.max = LIMIT_AUDIENCE};
    set->items = arena_alloc(a, LIMIT_AUDIENCE * sizeof(char *));
    return set->items != NULL;
}

static void ids_add_assessing(struct ids *set, const PB(Case) * c)
{
    for (size_t i = 0; i < c->n_assessments; i++)
        if (c->assessments[i]->assessment != NULL)
            ids_add(set, c->assessments[i]->assessment->ministry);
}

static enum err sign_verdict(struct work *w, const PB(Verdict) * v, const uint8_t *packed,
                             size_t bytes, PB(Judgment) * j)
{
    struct arena *a = work_arena(w);
    const struct crypto_part parts[] = {{v->case_id, strlen(v->case_id)}, {packed, bytes}};
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    const char *key_id = "";
    enum err e = work_sign(w, DOMAIN_VERDICT, parts, 2, signature, &key_id);
    if (e == ERR_UNAVAILABLE)
        return ERR_OK; /* a scheme without a key gives unsigned verdicts */
    if (e != ERR_OK)
        return e;
    j->signature.data = arena_dup(a, signature, sizeof signature);
    j->signature.len = sizeof signature;
    j->key_id = arena_strdup(a, key_id);
    return j->signature.data != NULL && j->key_id != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err emit_changed(struct work *w, const PB(Case) * c, const PB(Judgment) * j,
                             const uint8_t *packed, size_t bytes)
{
    struct arena *a = work_arena(w);
    struct ids audience;
    PB(VerdictChanged) event = ISMAP__LIU__V1__VERDICT_CHANGED__INIT;
    uint8_t *copy = arena_dup(a, packed, bytes);
    if (!ids_init(&audience, a) || copy == NULL)
        return ERR_NOMEM;
    ids_add(&audience, c->provider);
    ids_add_assessing(&audience, c);
    for (size_t i = 0; c->application != NULL && i < c->application->n_asked_ministries; i++)
        ids_add(&audience, c->application->asked_ministries[i]);
    event.case_id = j->verdict->case_id;
    event.result = j->verdict->result;
    event.state = j->verdict->state;
    event.provider = c->provider;
    event.waits_for = j->verdict->waits_for;
    event.matched_code = j->verdict->matched_code;
    event.verdict.data = copy;
    event.verdict.len = bytes;
    event.key_id = j->key_id;
    event.signature = j->signature;
    work_emit(w, &event.base, (const char *const *)audience.items, audience.n);
    return ERR_OK;
}

enum err judging_record(struct work *w, const PB(Case) * c, PB(Verdict) * verdict,
                        PB(Confirmation) * confirmation, const PB(Judgment) * *stored)
{
    struct arena *a = work_arena(w);
    PB(Judgment) *j = arena_alloc(a, sizeof *j);
    struct ids ministries;
    const uint8_t *packed;
    size_t bytes;
    if (j == NULL || !ids_init(&ministries, a))
        return ERR_NOMEM;
    enum err e = wire_pack(a, &verdict->base, &packed, &bytes);
    if (e != ERR_OK)
        return e;
    ismap__liu__v1__judgment__init(j);
    ids_add_assessing(&ministries, c);
    j->verdict = verdict;
    j->provider = c->provider;
    j->confirmation = confirmation;
    j->ministries = ministries.items;
    j->n_ministries = ministries.n;
    if (c->application != NULL && c->application->service != NULL)
        j->service_name = c->application->service->name;
    e = sign_verdict(w, verdict, packed, bytes, j);
    if (e != ERR_OK)
        return e;
    work_put(w, RECORD_JUDGMENT, c->id, &j->base);
    if (stored != NULL)
        *stored = j;
    return emit_changed(w, c, j, packed, bytes);
}

enum err judging_same(struct work *w, const PB(Verdict) * x, const PB(Verdict) * y, bool *same)
{
    const uint8_t *p;
    const uint8_t *q;
    size_t n;
    size_t m;
    if (wire_pack(work_arena(w), &x->base, &p, &n) != ERR_OK ||
        wire_pack(work_arena(w), &y->base, &q, &m) != ERR_OK)
        return ERR_NOMEM;
    *same = n == m && memcmp(p, q, n) == 0;
    return ERR_OK;
}

enum decide judging_failed(struct work *w, enum err e)
{
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    if (e == ERR_LIMIT)
        return work_refuse(
            w, ISMAP__LIU__V1__STATUS__STATUS_FAILED_PRECONDITION, "caseId", "P-LIMIT",
            "案件が判断の上限（評価・質問・所見の数）を超えています",
            "The case exceeds a bound of the judgment (sheets, questions, findings)");
    return work_refuse(w, ISMAP__LIU__V1__STATUS__STATUS_INTERNAL, "", "P-INTERNAL",
                       "判断を記録できませんでした", "The verdict could not be recorded");
}
