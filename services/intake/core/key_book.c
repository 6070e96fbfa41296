/* Two chained hash tables over the same entries: by holder and by key. */
#include "services/intake/core/key_book.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BUCKETS 4096u /* parties are thousands, not millions; chains stay short */

struct entry {
    char id[KEY_BOOK_ID_BYTES];
    char key[KEY_BOOK_KEY_BYTES];
    struct entry *next_of_id;
    struct entry *next_of_key;
};

struct key_book {
    struct entry *by_id[BUCKETS];
    struct entry *by_key[BUCKETS];
};

static size_t bucket(const char *s)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *s != '\0'; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h % BUCKETS;
}

enum err key_book_create(struct key_book **out)
{
    *out = calloc(1, sizeof **out);
    return *out == NULL ? ERR_NOMEM : ERR_OK;
}

void key_book_destroy(struct key_book *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (b->by_id[i] != NULL) {
            struct entry *e = b->by_id[i];
            b->by_id[i] = e->next_of_id;
            free(e);
        }
    free(b);
}

static void unlink_key(struct key_book *b, struct entry *e)
{
    struct entry **p = &b->by_key[bucket(e->key)];
    while (*p != e)
        p = &(*p)->next_of_key;
    *p = e->next_of_key;
}

static void forget(struct key_book *b, const char *id)
{
    struct entry **p = &b->by_id[bucket(id)];
    while (*p != NULL) {
        struct entry *e = *p;
        if (strcmp(e->id, id) != 0) {
            p = &e->next_of_id;
            continue;
        }
        *p = e->next_of_id;
        unlink_key(b, e);
        free(e);
    }
}

static bool add(struct key_book *b, const char *id, const char *key)
{
    struct entry *e = calloc(1, sizeof *e);
    if (e == NULL)
        return false;
    (void)text_copy(e->id, sizeof e->id, id);
    (void)text_copy(e->key, sizeof e->key, key);
    struct entry **ids = &b->by_id[bucket(e->id)];
    e->next_of_id = *ids;
    *ids = e;
    struct entry **keys = &b->by_key[bucket(e->key)];
    e->next_of_key = *keys;
    *keys = e;
    return true;
}

enum err key_book_set(struct key_book *b, const char *id, char *const *keys, size_t n)
{
    if (strlen(id) >= KEY_BOOK_ID_BYTES)
        return ERR_LIMIT;
    forget(b, id);
    for (size_t i = 0; i < n && i < KEY_BOOK_KEYS; i++)
        if (!add(b, id, keys[i])) {
            forget(b, id);
            return ERR_NOMEM;
        }
    return ERR_OK;
}

const char *key_book_other_holder(const struct key_book *b, const char *key, const char *id)
{
    for (const struct entry *e = b->by_key[bucket(key)]; e != NULL; e = e->next_of_key)
        if (strcmp(e->key, key) == 0 && strcmp(e->id, id) != 0)
            return e->id;
    return NULL;
}
