/* Parties, feeds and the pointers to what is in force, kept in memory so that handshakes, role
 * checks and rulebook look-ups never wait for Redis. Fed by the journal; commits guard what they
 * relied on.
 */
#include "flow/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct mirror {
    char key[96]; /* kind/id */
    uint64_t revision;
    uint8_t *value;
    size_t bytes;
    UT_hash_handle hh;
};

struct curve_entry {
    char public_z85[CURVE_Z85_BYTES];
    char actor_key[80];
    char user_id[80 + 1 + CURVE_Z85_BYTES]; /* actor_key#public_z85 */
    UT_hash_handle hh;
};

struct directory {
    struct actor *actors;
    struct mirror *mirrors;
    struct curve_entry *curves;
};

static bool mirrored(enum record_kind kind)
{
    return kind == RECORD_PARTY || kind == RECORD_FEED || kind == RECORD_ACTIVE;
}

enum err directory_create(struct directory **out)
{
    *out = calloc(1, sizeof **out);
    return *out == NULL ? ERR_NOMEM : ERR_OK;
}

static void actor_free(struct actor *a)
{
    arena_fini(&a->arena);
    free(a);
}

void directory_destroy(struct directory *d)
{
    if (d == NULL)
        return;
    struct actor *a, *a2;
    HASH_ITER(hh, d->actors, a, a2)
    {
        HASH_DEL(d->actors, a);
        actor_free(a);
    }
    struct mirror *m, *m2;
    HASH_ITER(hh, d->mirrors, m, m2)
    {
        HASH_DEL(d->mirrors, m);
        free(m->value);
        free(m);
    }
    struct curve_entry *c, *c2;
    HASH_ITER(hh, d->curves, c, c2)
    {
        HASH_DEL(d->curves, c);
        free(c);
    }
    free(d);
}

static void mirror_key(char out[96], enum record_kind kind, const char *id)
{
    (void)snprintf(out, 96, "%d/%s", (int)kind, id);
}

static void curves_drop(struct directory *d, const char *actor_key)
{
    struct curve_entry *c, *c2;
    HASH_ITER(hh, d->curves, c, c2)
    {
        if (strcmp(c->actor_key, actor_key) == 0) {
            HASH_DEL(d->curves, c);
            free(c);
        }
    }
}

static enum err curves_add(struct directory *d, const struct actor *a)
{
    for (size_t i = 0; a->keys != NULL && i < a->keys->n_curve; i++) {
        struct curve_entry *c = NULL;
        HASH_FIND_STR(d->curves, a->keys->curve[i], c);
        if (c == NULL) {
            c = calloc(1, sizeof *c);
            if (c == NULL)
                return ERR_NOMEM;
            (void)text_copy(c->public_z85, sizeof c->public_z85, a->keys->curve[i]);
            HASH_ADD_STR(d->curves, public_z85, c);
            if (!HASH_IS_IN(c)) {
                free(c);
                return ERR_NOMEM;
            }
        }
        (void)text_copy(c->actor_key, sizeof c->actor_key, a->key);
        (void)snprintf(c->user_id, sizeof c->user_id, "%s#%s", c->actor_key, c->public_z85);
    }
    return ERR_OK;
}

static enum err actor_update(struct directory *d, enum record_kind kind, const char *id,
                             uint64_t revision, const uint8_t *value, size_t bytes)
{
    char key[80];
    (void)snprintf(key, sizeof key, "%c:%s", kind == RECORD_FEED ? 'f' : 'p', id);
    struct actor *a = NULL;
    HASH_FIND_STR(d->actors, key, a);
    if (a == NULL) {
        a = calloc(1, sizeof *a);
        if (a == NULL)
            return ERR_NOMEM;
        (void)text_copy(a->key, sizeof a->key, key);
        a->id = a->key + 2;
        a->kind = kind;
        arena_init(&a->arena, LIMIT_PAYLOAD_BYTES);
        HASH_ADD_STR(d->actors, key, a);
        if (!HASH_IS_IN(a)) {
            free(a);
            return ERR_NOMEM;
        }
    }
    arena_reset(&a->arena);
    curves_drop(d, key);
    a->keys = NULL;
    a->revoked = true; /* until the record has been read */
    a->revision = revision;
    ProtobufCMessage *m = NULL;
    enum err e = wire_unpack(&a->arena, record_type_of(kind)->descriptor, value, bytes, &m);
    if (e != ERR_OK)
        return e;
    if (kind == RECORD_PARTY) {
        const Ismap__Liu__V1__Party *p = (const void *)m;
        a->role = p->role;
        a->revoked = p->revoked;
        a->keys = p->keys;
    } else {
        const Ismap__Liu__V1__Feed *f = (const void *)m;
        a->role = ISMAP__LIU__V1__ROLE__ROLE_FEED;
        a->revoked = f->revoked;
        a->keys = f->keys;
    }
    return a->revoked ? ERR_OK : curves_add(d, a);
}

enum err directory_update(struct directory *d, enum record_kind kind, const char *id,
                          uint64_t revision, const uint8_t *value, size_t bytes)
{
    if (!mirrored(kind))
        return ERR_OK;
    char key[96];
    mirror_key(key, kind, id);
    struct mirror *m = NULL;
    HASH_FIND_STR(d->mirrors, key, m);
    if (m != NULL && m->revision >= revision)
        return ERR_OK;
    uint8_t *copy = malloc(bytes == 0 ? 1 : bytes);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, value, bytes);
    if (m == NULL) {
        m = calloc(1, sizeof *m);
        if (m != NULL) {
            (void)text_copy(m->key, sizeof m->key, key);
            HASH_ADD_STR(d->mirrors, key, m);
        }
        if (m == NULL || !HASH_IS_IN(m)) {
            free(m);
            free(copy);
            return ERR_NOMEM;
        }
    }
    free(m->value);
    m->value = copy;
    m->bytes = bytes;
    m->revision = revision;
    return kind == RECORD_ACTIVE ? ERR_OK : actor_update(d, kind, id, revision, value, bytes);
}

struct actor *directory_actor(struct directory *d, const char *key)
{
    struct actor *a = NULL;
    HASH_FIND_STR(d->actors, key, a);
    return a;
}

const char *directory_by_curve(void *arg, const char *public_z85)
{
    struct directory *d = arg;
    struct curve_entry *c = NULL;
    HASH_FIND_STR(d->curves, public_z85, c);
    return c == NULL ? NULL : c->user_id;
}

struct actor *directory_sender(struct directory *d, const char *user_id)
{
    const char *key = strchr(user_id, '#'); /* no id holds one */
    struct curve_entry *c = NULL;
    if (key == NULL)
        return NULL;
    HASH_FIND_STR(d->curves, key + 1, c);
    return c == NULL || strcmp(c->user_id, user_id) != 0 ? NULL : directory_actor(d, c->actor_key);
}

bool directory_record(struct directory *d, enum record_kind kind, const char *id,
                      uint64_t *revision, const uint8_t **value, size_t *bytes)
{
    if (!mirrored(kind))
        return false;
    char key[96];
    mirror_key(key, kind, id);
    struct mirror *m = NULL;
    HASH_FIND_STR(d->mirrors, key, m);
    *revision = m == NULL ? 0 : m->revision;
    *value = m == NULL ? NULL : m->value;
    *bytes = m == NULL ? 0 : m->bytes;
    return true;
}

size_t directory_size(const struct directory *d)
{
    return HASH_COUNT(d->actors);
}
