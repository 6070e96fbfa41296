/* Assessments that a ministry signed and handed to the provider, who attaches them (添付): the
 * ministry's part is taken exactly as it was signed, so the provider cannot have edited it (R14).
 */
#include "services/intake/shell.h"

#include <string.h>

#include "wire/unpack.h"
#include "wire/validate.h"

struct sheet {
    pb_assessment *assessment;
    const pb_party *ministry;
};

/* A fault inside attached[i]; the path goes on below `assessment`, which travels as bytes. */
static void refuse_at(struct work *w, size_t i, const char *below, const char *rule, const char *ja,
                      const char *en)
{
    const char *field =
        arena_printf(work_arena(w), "attached[%zu]%s%s", i, below[0] == '\0' ? "" : ".", below);
    (void)work_refuse(w, STATUS(INVALID_ARGUMENT), field == NULL ? "attached" : field, rule, ja,
                      en);
}

static void refuse_incomplete(struct work *w, size_t i, const struct sheet_facts *facts)
{
    struct violations v = {0};
    completeness_check_sheet(facts, "assessment.", &v);
    for (size_t k = 0; k < v.n; k++)
        refuse_at(w, i, v.items[k].field, v.items[k].rule, v.items[k].ja, v.items[k].en);
}

/* Bytes to message, with the same checks that a message of its own goes through. */
static enum attached unpack_sheet(struct work *w, size_t i, const ProtobufCBinaryData *bytes,
                                  pb_assessment **out)
{
    struct arena *a = work_arena(w);
    const ProtobufCMessageDescriptor *d = &ismap__liu__v1__assessment__descriptor;
    struct faults faults = {0};
    ProtobufCMessage *m = NULL;
    enum err e = wire_scan(d, bytes->data, bytes->len, a, &faults);
    if (e == ERR_OK)
        e = wire_unpack(a, d, bytes->data, bytes->len, &m);
    if (e == ERR_NOMEM)
        return ATTACHED_NO_MEMORY;
    if (e != ERR_OK) {
        refuse_at(w, i, "assessment", "P-MALFORMED", "影響度評価を読み取れません。",
                  "the assessment cannot be read");
        return ATTACHED_REFUSED;
    }
    wire_validate(a, m, &faults);
    for (size_t k = 0; k < faults.n; k++) {
        const char *below = arena_printf(a, "assessment.%s", faults.items[k].field);
        refuse_at(w, i, below == NULL ? "assessment" : below, faults.items[k].rule,
                  faults.items[k].ja, faults.items[k].en);
    }
    *out = (pb_assessment *)m;
    const struct sheet_facts *facts = map_sheet(a, *out);
    if (facts == NULL)
        return ATTACHED_NO_MEMORY;
    if (faults.n == 0)
        refuse_incomplete(w, i, facts);
    return work_refused(w) ? ATTACHED_REFUSED : ATTACHED_OK;
}

static const Ismap__Liu__V1__SigningKey *key_of(const pb_party *p, const char *key_id)
{
    for (size_t i = 0; p->keys != NULL && i < p->keys->n_signing; i++)
        if (strcmp(p->keys->signing[i]->key_id, key_id) == 0)
            return p->keys->signing[i];
    return NULL;
}

static bool signature_holds(const struct work *w, const Ismap__Liu__V1__SignedAssessment *s,
                            const struct sheet *sheet)
{
    const Ismap__Liu__V1__SigningKey *key = key_of(sheet->ministry, s->key_id);
    if (key == NULL || key->public_key.len != ED25519_KEY_BYTES ||
        s->signature.len != ED25519_SIGNATURE_BYTES)
        return false;
    const char *provider = work_actor(w);
    struct crypto_part parts[] = {
        {sheet->ministry->id, strlen(sheet->ministry->id)},
        {provider, strlen(provider)},
        {s->assessment.data, s->assessment.len},
    };
    return crypto_verify(key->public_key.data, DOMAIN_ASSESSMENT, parts, 3, s->signature.data) ==
           ERR_OK;
}

static void check_sheet(struct work *w, size_t i, const pb_application *m,
                        const struct sheet *sheets)
{
    const pb_assessment *s = sheets[i].assessment;
    const pb_party *ministry = sheets[i].ministry;
    if (ministry == NULL || ministry->revoked || ministry->role != ROLE(MINISTRY)) {
        refuse_at(w, i, "assessment.ministry", "R12", "登録された府省庁ではありません。",
                  "this is not a registered ministry");
        return;
    }
    for (size_t k = 0; k < i; k++)
        if (strcmp(sheets[k].assessment->ministry, s->ministry) == 0) {
            refuse_at(w, i, "assessment.ministry", "R12",
                      "同じ府省庁の影響度評価が重複しています。",
                      "two assessments of one ministry count once; attach one");
            break;
        }
    if (!signature_holds(w, m->attached[i], &sheets[i]))
        refuse_at(w, i, "signature", "R14", "府省庁の署名を確認できません。",
                  "the ministry's signature does not verify");
    if (strcmp(s->provider, work_actor(w)) != 0)
        refuse_at(w, i, "assessment.provider", "R14", "別の事業者のための影響度評価です。",
                  "the assessment was made for another provider");
    if (m->service == NULL || strcmp(s->service_name, m->service->name) != 0)
        refuse_at(w, i, "assessment.serviceName", "R14", "申請のサービス名と一致しません。",
                  "the assessment names another service than the application");
}

static pb_recorded *record_sheet(struct work *w, const ProtobufCBinaryData *bytes,
                                 const struct sheet *sheet)
{
    pb_recorded *r = arena_alloc(work_arena(w), sizeof *r);
    uint8_t *hash = arena_alloc(work_arena(w), SHA256_BYTES);
    struct crypto_part part = {bytes->data, bytes->len};
    if (r == NULL || hash == NULL || crypto_sha256(&part, 1, hash) != ERR_OK)
        return NULL;
    ismap__liu__v1__recorded_assessment__init(r);
    r->assessment = sheet->assessment;
    r->attached = true;
    r->evidence_hash = (ProtobufCBinaryData){SHA256_BYTES, hash};
    r->received_at_ms = work_now_ms(w);
    r->body = lend(completeness_body(sheet->ministry->id, sheet->ministry->body));
    return r;
}

enum attached attached_read(struct work *w, const pb_application *m, pb_recorded ***recorded)
{
    size_t n = m->n_attached;
    struct sheet *sheets = arena_alloc(work_arena(w), n * sizeof *sheets);
    *recorded = arena_alloc(work_arena(w), n * sizeof **recorded);
    if (sheets == NULL || *recorded == NULL)
        return ATTACHED_NO_MEMORY;
    enum attached worst = ATTACHED_OK;
    for (size_t i = 0; i < n; i++) {
        enum attached r = unpack_sheet(w, i, &m->attached[i]->assessment, &sheets[i].assessment);
        if (r == ATTACHED_NO_MEMORY)
            return r;
        worst = r == ATTACHED_OK ? worst : r;
    }
    if (worst != ATTACHED_OK)
        return worst;
    bool loaded = true;
    for (size_t i = 0; i < n; i++)
        loaded &= work_get(w, RECORD_PARTY, sheets[i].assessment->ministry,
                           (const void **)&sheets[i].ministry);
    if (!loaded)
        return ATTACHED_WAIT;
    for (size_t i = 0; i < n; i++)
        check_sheet(w, i, m, sheets);
    if (work_refused(w))
        return ATTACHED_REFUSED;
    for (size_t i = 0; i < n; i++) {
        (*recorded)[i] = record_sheet(w, &m->attached[i]->assessment, &sheets[i]);
        if ((*recorded)[i] == NULL)
            return ATTACHED_NO_MEMORY;
    }
    return ATTACHED_OK;
}
