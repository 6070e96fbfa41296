/* The scheme's signing key is changed without a restart: its file is looked at every few seconds,
 * and another key in it takes over. Receipts, verdicts and notices name the key that signed them,
 * so what was signed before stays good under the old public key.
 *
 * A file that cannot be read changes nothing, and a key under the id of another one is refused: it
 * would make what that one signed unverifiable. Keys taken out of use stay in memory, because works
 * under way may still name them. */
#include "flow/internal.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

#define LOOK_MS 2000

static bool is_same_file(const struct flow *f, const struct stat *st)
{
    return f->key_seen.inode == (uint64_t)st->st_ino &&
           f->key_seen.at_s == (int64_t)st->st_mtim.tv_sec &&
           f->key_seen.at_ns == (int64_t)st->st_mtim.tv_nsec;
}

static bool is_same_key(const struct signing_key *a, const struct signing_key *b)
{
    uint8_t x[ED25519_KEY_BYTES], y[ED25519_KEY_BYTES];
    signing_key_public(a, x);
    signing_key_public(b, y);
    return memcmp(x, y, sizeof x) == 0;
}

/* The key of this id that was ever in use here, NULL = none. */
static const struct signing_key *known(const struct flow *f, const char *id)
{
    if (f->scheme_key != NULL && strcmp(signing_key_id(f->scheme_key), id) == 0)
        return f->scheme_key;
    for (size_t i = 0; i < f->n_old_keys; i++)
        if (strcmp(signing_key_id(f->old_keys[i]), id) == 0)
            return f->old_keys[i];
    return NULL;
}

static void take(struct flow *f, struct signing_key *k)
{
    const char *id = signing_key_id(k);
    const struct signing_key *before = known(f, id);
    const char *why = "";
    if (before != NULL && !is_same_key(before, k))
        why = "another key under an id that was used: give it an id of its own";
    else if (f->n_old_keys == sizeof f->old_keys / sizeof f->old_keys[0])
        why = "too many keys since the start: restart the service";
    if (why[0] != '\0' || (before != NULL && before == f->scheme_key)) {
        if (why[0] != '\0')
            log_event(LOG_LEVEL_ERROR, "scheme-key-refused", why, "key_id", id, NULL);
        signing_key_free(k);
        return;
    }
    if (f->scheme_key != NULL)
        f->old_keys[f->n_old_keys++] = f->scheme_key;
    f->scheme_key = k;
    log_event(LOG_LEVEL_INFO, "scheme-key", "this key signs from now on", "key_id", id, NULL);
}

void keys_look(struct flow *f)
{
    struct stat st;
    struct err_text why = {""};
    struct signing_key *k = NULL;
    int64_t now = clock_mono_ms();
    const char *path = f->set.signing_key_file;
    if (path == NULL || path[0] == '\0' || now < f->key_seen.next_ms)
        return;
    f->key_seen.next_ms = now + LOOK_MS;
    if (stat(path, &st) != 0 || is_same_file(f, &st))
        return;
    f->key_seen.inode = (uint64_t)st.st_ino;
    f->key_seen.at_s = (int64_t)st.st_mtim.tv_sec;
    f->key_seen.at_ns = (int64_t)st.st_mtim.tv_nsec;
    if (signing_key_load(path, &k, &why) == ERR_OK)
        take(f, k);
    else
        log_event(LOG_LEVEL_ERROR, "scheme-key-refused", why.text, "file", path, NULL);
}

void keys_free(struct flow *f)
{
    signing_key_free(f->scheme_key);
    for (size_t i = 0; i < f->n_old_keys; i++)
        signing_key_free(f->old_keys[i]);
    f->scheme_key = NULL;
    f->n_old_keys = 0;
}
