/* Holders of keys; see claims.h. */
#include "flow/claims.h"

#include <string.h>

typedef Ismap__Liu__V1__KeyHolder pb_key_holder;
typedef Ismap__Liu__V1__PartyKeys pb_keys;

/* Id and record of a key; *id NULL: the work has failed. */
static bool key_get(struct work *w, const char *curve, const char **id, const pb_key_holder **now)
{
    char text[RECORD_KEY_ID_BYTES];
    *now = NULL;
    *id = record_key_id(curve, text) == ERR_OK ? arena_strdup(work_arena(w), text) : NULL;
    if (*id == NULL) {
        (void)work_no_memory(w);
        return true;
    }
    return work_get(w, RECORD_KEY, *id, (const void **)now);
}

static bool keys_load(struct work *w, const pb_keys *keys)
{
    const char *id;
    const pb_key_holder *now;
    bool loaded = true;
    for (size_t i = 0; keys != NULL && i < keys->n_curve; i++)
        loaded &= key_get(w, keys->curve[i], &id, &now);
    return loaded;
}

static bool among(const pb_keys *keys, const char *curve)
{
    for (size_t i = 0; keys != NULL && i < keys->n_curve; i++)
        if (strcmp(keys->curve[i], curve) == 0)
            return true;
    return false;
}

static void refuse_taken(struct work *w, const char *holder, const pb_keys *after,
                         const char *field)
{
    const char *id;
    const pb_key_holder *now;
    for (size_t i = 0; after != NULL && i < after->n_curve; i++) {
        (void)key_get(w, after->curve[i], &id, &now);
        if (now == NULL || now->holder[0] == '\0' || strcmp(now->holder, holder) == 0)
            continue;
        const char *path = arena_printf(work_arena(w), "%s.curve[%u]", field, (unsigned)i);
        (void)work_refuse(w, ISMAP__LIU__V1__STATUS__STATUS_INVALID_ARGUMENT,
                          path == NULL ? field : path, "P-KEY-TAKEN",
                          "この鍵は他の当事者または通報元が使用しています。",
                          "another party or feed holds this key");
    }
}

static void key_put(struct work *w, const char *id, const char *holder)
{
    pb_key_holder m = ISMAP__LIU__V1__KEY_HOLDER__INIT;
    m.holder = (char *)(uintptr_t)holder;
    if (id != NULL)
        work_put(w, RECORD_KEY, id, &m.base);
}

bool claim_keys(struct work *w, const char *holder, const pb_keys *before, const pb_keys *after,
                const char *field)
{
    const char *id;
    const pb_key_holder *now;
    bool loaded = keys_load(w, before);
    loaded &= keys_load(w, after);
    if (!loaded)
        return false;
    refuse_taken(w, holder, after, field);
    if (work_refused(w))
        return true;
    for (size_t i = 0; before != NULL && i < before->n_curve; i++) {
        (void)key_get(w, before->curve[i], &id, &now);
        if (!among(after, before->curve[i]) && now != NULL && strcmp(now->holder, holder) == 0)
            key_put(w, id, "");
    }
    for (size_t i = 0; after != NULL && i < after->n_curve; i++) {
        (void)key_get(w, after->curve[i], &id, &now);
        if (now == NULL || strcmp(now->holder, holder) != 0)
            key_put(w, id, holder);
    }
    return true;
}
