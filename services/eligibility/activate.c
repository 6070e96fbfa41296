/* Putting a rulebook in force: its canonical bytes are stored under their SHA-256, and decisions
 * from then on guard the record that names it. */
#include <string.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "services/eligibility/judging.h"
#include "services/eligibility/rulecheck.h"
#include "wire/unpack.h"
#include "wire/validate.h"

#define STATUS(name) ISMAP__LIU__V1__STATUS__STATUS_##name
#define HASH_TEXT_BYTES (2 * SHA256_BYTES + 1)

static void fault(struct work *w, const char *field, const char *ja, const char *en)
{
    (void)work_refuse(w, STATUS(INVALID_ARGUMENT), field, "R1", ja, en);
}

static enum err check_bytes(struct work *w, const PB(Rulebook) * r,
                            const ProtobufCBinaryData *canonical)
{
    struct arena *a = work_arena(w);
    struct faults found = {0};
    const char *path = "";
    const char *why = "";
    const uint8_t *again;
    size_t bytes;
    enum err e = wire_pack(a, &r->base, &again, &bytes);
    if (e != ERR_OK)
        return e;
    if (bytes != canonical->len || memcmp(again, canonical->data, bytes) != 0) {
        fault(w, "canonical", "正準形（再符号化と同一のバイト列）ではありません",
              "The bytes are not canonical: packing them again gives others");
        return ERR_OK;
    }
    wire_validate(a, &r->base, &found);
    for (size_t i = 0; i < found.n; i++)
        fault(w, found.items[i].field, found.items[i].ja, found.items[i].en);
    if (found.n > 0)
        return ERR_OK;
    e = rulebook_check(a, r, &path, &why);
    if (e != ERR_INVAL)
        return e;
    const char *field = arena_printf(a, "canonical.%s", path);
    const char *ja = arena_printf(a, "規則に不備があります（%s: %s）", path, why);
    if (field == NULL || ja == NULL)
        return ERR_NOMEM;
    fault(w, field, ja, why);
    return ERR_OK;
}

static enum err hash_of(const ProtobufCBinaryData *canonical, char out[HASH_TEXT_BYTES])
{
    const struct crypto_part part = {canonical->data, canonical->len};
    uint8_t digest[SHA256_BYTES];
    enum err e = crypto_sha256(&part, 1, digest);
    if (e == ERR_OK)
        text_hex(digest, sizeof digest, out);
    return e;
}

static enum err activate(struct work *w, PB(Rulebook) * r, char *hash, bool is_new,
                         const PB(Active) * before)
{
    static const char *const everyone[] = {"public"};
    PB(Active) active = ISMAP__LIU__V1__ACTIVE__INIT;
    PB(RulebookActivated) event = ISMAP__LIU__V1__RULEBOOK_ACTIVATED__INIT;
    PB(RulebookActive) *answer = arena_alloc(work_arena(w), sizeof *answer);
    if (answer == NULL)
        return ERR_NOMEM;
    ismap__liu__v1__rulebook_active__init(answer);
    active.ref = event.hash = answer->hash = hash;
    active.version = before != NULL ? before->version + 1 : 1;
    active.since_ms = work_now_ms(w);
    active.by = arena_strdup(work_arena(w), work_actor(w));
    if (active.by == NULL)
        return ERR_NOMEM;
    event.name = answer->name = r->name;
    if (before != NULL)
        event.previous = before->ref;
    if (is_new)
        work_put(w, RECORD_RULEBOOK, hash, &r->base);
    work_put(w, RECORD_ACTIVE, "rulebook", &active.base);
    work_emit(w, &event.base, everyone, 1);
    work_reply(w, &answer->base);
    return ERR_OK;
}

enum decide on_activate_rulebook(struct work *w, void *state)
{
    const PB(ActivateRulebook) *m = work_message(w);
    struct arena *a = work_arena(w);
    ProtobufCMessage *unpacked = NULL;
    const void *active = NULL;
    const void *stored = NULL;
    (void)state;
    enum err e = wire_unpack(a, &ismap__liu__v1__rulebook__descriptor, m->canonical.data,
                             m->canonical.len, &unpacked);
    if (e == ERR_PROTO) {
        fault(w, "canonical", "規則として読めないバイト列です", "The bytes are not a rulebook");
        return DECIDE_DONE;
    }
    char *hash = arena_alloc(a, HASH_TEXT_BYTES);
    if (e == ERR_OK && hash == NULL)
        e = ERR_NOMEM;
    PB(Rulebook) *r = (PB(Rulebook) *)unpacked;
    if (e == ERR_OK)
        e = check_bytes(w, r, &m->canonical);
    if (e == ERR_OK && work_refused(w))
        return DECIDE_DONE;
    if (e == ERR_OK)
        e = hash_of(&m->canonical, hash);
    if (e != ERR_OK)
        return judging_failed(w, e);
    bool ready = work_get(w, RECORD_ACTIVE, "rulebook", &active) &
                 work_get(w, RECORD_RULEBOOK, hash, &stored);
    if (!ready)
        return DECIDE_WAIT;
    e = activate(w, r, hash, stored == NULL, active);
    return e == ERR_OK ? DECIDE_DONE : judging_failed(w, e);
}
