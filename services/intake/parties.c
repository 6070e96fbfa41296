/* Parties: who may speak, with which keys. Changed only by signed messages of operators. */
#include "services/intake/shell.h"

#include <string.h>

#include "flow/claims.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "store/records.h"

#define Z85_KEY_CHARS 40
#define ED25519_PUBLIC_BYTES 32

static void check_curve(const struct intake *s, const char *holder,
                        const Ismap__Liu__V1__PartyKeys *k, struct violations *v)
{
    if (k->n_curve < 1 || k->n_curve > KEY_BOOK_KEYS)
        violations_add(v, "party.keys.curve", "P-KEYS", "CURVE公開鍵は1つまたは2つ必要です。",
                       "one or two CURVE public keys are required");
    for (size_t i = 0; i < k->n_curve && i < KEY_BOOK_KEYS; i++) {
        if (strlen(k->curve[i]) != Z85_KEY_CHARS)
            violations_add_item(v, "party.keys.curve", i, "", "P-KEYS",
                                "CURVE公開鍵はZ85の40文字です。",
                                "a CURVE public key has 40 characters of Z85");
        else if (i > 0 && strcmp(k->curve[i], k->curve[0]) == 0)
            violations_add_item(v, "party.keys.curve", i, "", "P-KEYS", "同じ鍵が重複しています。",
                                "the same key is given twice");
        else if (key_book_other_holder(s->keys, k->curve[i], holder) != NULL)
            violations_add_item(v, "party.keys.curve", i, "", "P-KEY-TAKEN",
                                "この鍵は他の当事者が使用しています。",
                                "another party holds this key");
    }
}

static void check_signing(const Ismap__Liu__V1__PartyKeys *k, struct violations *v)
{
    if (k->n_signing > KEY_BOOK_KEYS)
        violations_add(v, "party.keys.signing", "P-KEYS", "署名鍵は2つまでです。",
                       "at most two signing keys can be given");
    for (size_t i = 0; i < k->n_signing && i < KEY_BOOK_KEYS; i++) {
        const Ismap__Liu__V1__SigningKey *key = k->signing[i];
        if (key->public_key.len != ED25519_PUBLIC_BYTES)
            violations_add_item(v, "party.keys.signing", i, "publicKey", "P-KEYS",
                                "Ed25519公開鍵は32バイトです。",
                                "an Ed25519 public key has 32 bytes");
        if (key->key_id[0] == '\0')
            violations_add_item(v, "party.keys.signing", i, "keyId", "P-KEYS", "鍵IDが空です。",
                                "the key's id is empty");
        else if (i > 0 && strcmp(key->key_id, k->signing[0]->key_id) == 0)
            violations_add_item(v, "party.keys.signing", i, "keyId", "P-KEYS",
                                "鍵IDが重複しています。", "the key's id is given twice");
    }
}

static void check_party(const struct intake *s, const char *holder, const pb_party *p,
                        struct violations *v)
{
    if (strcmp(p->id, "public") == 0)
        violations_add(v, "party.id", "P-RESERVED", "このIDは使用できません。",
                       "this id is reserved: it means everyone");
    if (p->role == ROLE(UNSPECIFIED) || p->role == ROLE(FEED))
        violations_add(v, "party.role", "P-ROLE",
                       "当事者の役割を指定してください(フィードはAddFeedで登録します)。",
                       "a party needs a role other than feed; feeds are added by AddFeed");
    if (p->revoked)
        violations_add(v, "party.revoked", "P-FIELD", "失効はRevokePartyで行います。",
                       "a party is revoked by RevokeParty");
    if (p->keys == NULL) {
        violations_add(v, "party.keys", "P-KEYS", "鍵が必要です。", "keys are required");
        return;
    }
    check_curve(s, holder, p->keys, v);
    check_signing(p->keys, v);
}

static void put_party(struct work *w, pb_party *p)
{
    p->changed_at_ms = work_now_ms(w);
    p->changed_by = lend(work_actor(w));
    work_put(w, RECORD_PARTY, p->id, &p->base);
    Ismap__Liu__V1__PartyChanged event;
    ismap__liu__v1__party_changed__init(&event);
    event.id = p->id;
    event.revoked = p->revoked;
    work_emit(w, &event.base, NULL, 0);
}

enum decide intake_add_party(struct work *w, void *service_state)
{
    const struct intake *s = service_state;
    const Ismap__Liu__V1__AddParty *m = work_message(w);
    if (m->party == NULL)
        return work_refuse(w, STATUS(INVALID_ARGUMENT), "party", "P-FIELD",
                           "当事者の内容が必要です。", "the party is required");
    if (s->keys_incomplete)
        return work_start_again(w);
    const char *holder = arena_printf(work_arena(w), "p:%s", m->party->id);
    pb_party *p = arena_dup(work_arena(w), m->party, sizeof *p);
    if (holder == NULL || p == NULL)
        return work_no_memory(w);
    struct violations v = {0};
    check_party(s, holder, p, &v);
    if (v.n > 0)
        return shell_refuse_all(w, STATUS(INVALID_ARGUMENT), &v);
    const pb_party *old;
    if (!work_get(w, RECORD_PARTY, p->id, (const void **)&old))
        return DECIDE_WAIT;
    if (old != NULL && !m->replace)
        return work_refuse(w, STATUS(ALREADY_EXISTS), "party.id", "P-EXISTS",
                           "このIDの当事者は登録済みです。変更するにはreplaceを指定してください。",
                           "a party of this id exists; set replace to change it");
    if (old != NULL && old->role != p->role)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "party.role", "P-ROLE",
                           "登録済みの当事者の役割は変更できません。",
                           "the role of a party cannot be changed");
    /* the book above knows what the journal has told; these records know this moment, and feeds */
    if (!claim_keys(w, holder, old == NULL ? NULL : old->keys, p->keys, "party.keys"))
        return DECIDE_WAIT;
    if (!work_refused(w))
        put_party(w, p);
    return DECIDE_DONE;
}

enum decide intake_revoke_party(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__RevokeParty *m = work_message(w);
    if (strcmp(m->id, work_actor(w)) == 0)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "id", "P-SELF",
                           "自分自身を失効させることはできません。別の運用者に依頼してください。",
                           "nobody can revoke itself; another operator has to do it");
    const pb_party *old;
    if (!work_get(w, RECORD_PARTY, m->id, (const void **)&old))
        return DECIDE_WAIT;
    if (old == NULL)
        return shell_not_found(w, "id");
    if (old->revoked)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "id", "P-REVOKED",
                           "この当事者はすでに失効しています。", "the party is revoked already");
    const char *holder = arena_printf(work_arena(w), "p:%s", m->id);
    pb_party *p = arena_dup(work_arena(w), old, sizeof *p);
    if (holder == NULL || p == NULL)
        return work_no_memory(w);
    if (!claim_keys(w, holder, old->keys, NULL, ""))
        return DECIDE_WAIT;
    p->revoked = true;
    put_party(w, p);
    return DECIDE_DONE;
}

enum decide intake_list_parties(struct work *w, void *service_state)
{
    (void)service_state;
    const Ismap__Liu__V1__ListParties *m = work_message(w);
    struct work_page page;
    if (!work_scan(w, RECORD_PARTY, m->page, shell_page_max(m->max), &page))
        return DECIDE_WAIT;
    Ismap__Liu__V1__PartyList *list = arena_alloc(work_arena(w), sizeof *list);
    pb_party **parties = arena_alloc(work_arena(w), page.n * sizeof *parties);
    if (list == NULL || parties == NULL)
        return work_no_memory(w);
    ismap__liu__v1__party_list__init(list);
    for (size_t i = 0; i < page.n; i++)
        parties[i] = (pb_party *)(uintptr_t)page.messages[i];
    list->parties = parties;
    list->n_parties = page.n;
    list->next_page = lend(page.next_page);
    work_reply(w, &list->base);
    return DECIDE_DONE;
}

static void keys_changed(struct intake *s, const char *kind, const char *id, bool revoked,
                         const Ismap__Liu__V1__PartyKeys *keys)
{
    char holder[KEY_BOOK_ID_BYTES];
    size_t n = strlen(id);
    if (n + 3 > sizeof holder) {
        s->keys_incomplete = true;
        return;
    }
    memcpy(holder, kind, 2);
    memcpy(holder + 2, id, n + 1);
    bool live = !revoked && keys != NULL;
    if (key_book_set(s->keys, holder, live ? keys->curve : NULL, live ? keys->n_curve : 0) !=
        ERR_OK)
        s->keys_incomplete = true;
}

void intake_party_changed(void *state, const char *id, uint64_t revision, const ProtobufCMessage *m)
{
    (void)revision;
    const pb_party *p = (const pb_party *)m;
    keys_changed(state, "p:", id, p == NULL || p->revoked, p == NULL ? NULL : p->keys);
}

void intake_feed_changed(void *state, const char *id, uint64_t revision, const ProtobufCMessage *m)
{
    (void)revision;
    const pb_feed *f = (const pb_feed *)m;
    keys_changed(state, "f:", id, f == NULL || f->revoked, f == NULL ? NULL : f->keys);
}
