/* Records of the kinds that a service keeps in memory (view_row), packed, so that the first attempt
 * of an urgent work reads nothing from Redis. What is here may be old: the commit guards it.
 *
 * All records of such a kind are taken in before a door opens. As long as none was left out, what
 * is not here does not exist. Values that were not used for the longest time make room; their keys
 * stay, so that it is still known that they exist.
 */
#include "flow/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept_record {
    UT_hash_handle hh;
    struct kept_record *newer, *older; /* of those with a value */
    uint64_t revision;
    uint8_t *value; /* NULL = it exists and has to be read */
    size_t bytes;
    char key[]; /* kind/id */
};

struct kept {
    bool wanted[RECORD_KINDS];
    bool partial[RECORD_KINDS]; /* a record was left out: what is not here may exist */
    struct kept_record *records;
    struct kept_record *newest, *oldest;
    size_t bytes; /* of all values */
    size_t bytes_max;
    size_t records_max;
};

enum err kept_create(const struct service *svc, size_t records_max, size_t bytes_max,
                     struct kept **out)
{
    struct kept *k = calloc(1, sizeof *k);
    *out = k;
    if (k == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < svc->n_views; i++)
        k->wanted[svc->views[i].kind] |= svc->views[i].kept;
    k->records_max = records_max;
    k->bytes_max = bytes_max;
    return ERR_OK;
}

static void line_leave(struct kept *k, struct kept_record *r)
{
    if (r->value == NULL)
        return;
    *(r->newer == NULL ? &k->newest : &r->newer->older) = r->older;
    *(r->older == NULL ? &k->oldest : &r->older->newer) = r->newer;
    r->newer = r->older = NULL;
}

static void line_enter(struct kept *k, struct kept_record *r)
{
    r->older = k->newest;
    *(k->newest == NULL ? &k->oldest : &k->newest->newer) = r;
    k->newest = r;
}

static void value_drop(struct kept *k, struct kept_record *r)
{
    line_leave(k, r);
    k->bytes -= r->bytes;
    free(r->value);
    r->value = NULL;
    r->bytes = 0;
}

void kept_destroy(struct kept *k)
{
    struct kept_record *r, *r2;
    if (k == NULL)
        return;
    HASH_ITER(hh, k->records, r, r2)
    {
        HASH_DEL(k->records, r);
        free(r->value);
        free(r);
    }
    free(k);
}

#define KEY_BYTES 128

static struct kept_record *find(const struct kept *k, const char key[KEY_BYTES])
{
    struct kept_record *r = NULL;
    HASH_FIND_STR(k->records, key, r);
    return r;
}

static struct kept_record *add(struct kept *k, const char key[KEY_BYTES])
{
    size_t n = strlen(key) + 1;
    struct kept_record *r =
        HASH_COUNT(k->records) < k->records_max ? calloc(1, sizeof *r + n) : NULL;
    if (r == NULL)
        return NULL;
    memcpy(r->key, key, n);
    HASH_ADD_STR(k->records, key, r);
    if (!HASH_IS_IN(r)) {
        free(r);
        return NULL;
    }
    return r;
}

void kept_take(struct kept *k, enum record_kind kind, const char *id, uint64_t revision,
               const uint8_t *value, size_t bytes)
{
    char key[KEY_BYTES];
    if (record_type_of(kind) == NULL || !k->wanted[kind] || revision == 0)
        return;
    bool fits = snprintf(key, sizeof key, "%d/%s", (int)kind, id) < KEY_BYTES;
    struct kept_record *r = fits ? find(k, key) : NULL;
    if (r == NULL && fits)
        r = add(k, key);
    if (r == NULL) {
        k->partial[kind] = true;
        return;
    }
    if (revision < r->revision || (revision == r->revision && r->value != NULL))
        return;
    value_drop(k, r);
    r->revision = revision;
    r->value = bytes > k->bytes_max ? NULL : malloc(bytes + 1);
    if (r->value == NULL)
        return;
    memcpy(r->value, value, bytes);
    r->bytes = bytes;
    k->bytes += bytes;
    line_enter(k, r);
    while (k->bytes > k->bytes_max && k->oldest != NULL)
        value_drop(k, k->oldest);
}

bool kept_find(struct kept *k, enum record_kind kind, const char *id, uint64_t *revision,
               const uint8_t **value, size_t *bytes)
{
    char key[KEY_BYTES];
    if (!k->wanted[kind] || snprintf(key, sizeof key, "%d/%s", (int)kind, id) >= KEY_BYTES)
        return false;
    struct kept_record *r = find(k, key);
    *revision = 0;
    *value = NULL;
    *bytes = 0;
    if (r == NULL)
        return !k->partial[kind];
    if (r->value == NULL)
        return false;
    line_leave(k, r);
    line_enter(k, r);
    *revision = r->revision;
    *value = r->value;
    *bytes = r->bytes;
    return true;
}

/* ---- records as commits leave them */

/* A directory or view that missed a change would be wrong until the next one: a fresh start is
 * right. */
void flow_out_of_memory(struct flow *f)
{
    log_event(LOG_LEVEL_ERROR, "tail-no-memory",
              "no memory to take in a record: stopping, to start again from the records", NULL);
    f->exit_status = 1;
    loop_stop(f->loop);
}

void flow_take_put(struct flow *f, enum record_kind kind, const char *id, uint64_t revision,
                   const uint8_t *value, size_t bytes)
{
    enum err e = directory_update(f->dir, kind, id, revision, value, bytes);
    if (e == ERR_NOMEM)
        flow_out_of_memory(f);
    else if (e != ERR_OK)
        log_event(LOG_LEVEL_ERROR, "directory-update", "a party's record could not be taken in",
                  "id", id, NULL);
    kept_take(f->kept, kind, id, revision, value, bytes);
}
