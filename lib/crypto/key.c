/* Private keys and their files. A key exists in one place outside OpenSSL only while a file is read
 * or written, and that place is wiped. A file appears complete or not at all, and never replaces
 * another.
 */
#include "crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "crypto/key.h"

#define ID_WORD "key_id "
#define SECRET_WORD "ed25519_secret "
#define HEX_BYTES (2 * ED25519_KEY_BYTES)
#define FILE_BYTES_MAX 256
#define PATH_BYTES_MAX 4096

static bool key_id_ok(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n > 0 && n <= KEY_ID_BYTES_MAX && id[n] == '\0';
}

static const char *errno_text(char *room, size_t n)
{
    return strerror_r(errno, room, n);
}

enum err signing_key_from_seed(const char *key_id, const uint8_t seed[32], struct signing_key **out)
{
    if (!key_id_ok(key_id))
        return ERR_INVAL;
    struct signing_key *k = calloc(1, sizeof *k);
    if (k == NULL)
        return ERR_NOMEM;
    k->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_KEY_BYTES);
    if (k->pkey == NULL) {
        ERR_clear_error();
        free(k);
        return ERR_INTERNAL;
    }
    (void)text_copy(k->id, sizeof k->id, key_id);
    *out = k;
    return ERR_OK;
}

enum err signing_key_generate(const char *key_id, struct signing_key **out)
{
    uint8_t seed[ED25519_KEY_BYTES];
    enum err e = crypto_random(seed, sizeof seed);
    if (e == ERR_OK)
        e = signing_key_from_seed(key_id, seed, out);
    OPENSSL_cleanse(seed, sizeof seed);
    return e;
}

void signing_key_free(struct signing_key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->pkey);
    free(k);
}

const char *signing_key_id(const struct signing_key *k)
{
    return k->id;
}

void signing_key_public(const struct signing_key *k, uint8_t out[ED25519_KEY_BYTES])
{
    size_t n = ED25519_KEY_BYTES;
    if (EVP_PKEY_get_raw_public_key(k->pkey, out, &n) != 1) {
        ERR_clear_error(); /* cannot fail for a key that was made; no key is better than half of one
                            */
        memset(out, 0, ED25519_KEY_BYTES);
    }
}

/* The text of a key file into `out`, NUL-terminated. */
static enum err read_private(const char *path, char out[FILE_BYTES_MAX + 1], struct err_text *why)
{
    char room[128];
    struct stat st;
    enum err e = ERR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return err_say(why, ERR_NOT_FOUND, "%s: no such key file", path);
    if (fd < 0)
        return err_say(why, ERR_IO, "%s: %s", path, errno_text(room, sizeof room));
    if (fstat(fd, &st) != 0)
        e = err_say(why, ERR_IO, "%s: %s", path, errno_text(room, sizeof room));
    else if (!S_ISREG(st.st_mode))
        e = err_say(why, ERR_INVAL, "%s: not a regular file", path);
    else if ((st.st_mode & 077) != 0)
        e = err_say(why, ERR_AUTH,
                    "%s: others can read this private key (mode %03o); run chmod 600", path,
                    (unsigned)(st.st_mode & 0777));
    else if (st.st_size > FILE_BYTES_MAX)
        e = err_say(why, ERR_INVAL, "%s: too long for a key file", path);
    if (e == ERR_OK) {
        ssize_t n = read(fd, out, FILE_BYTES_MAX);
        if (n < 0)
            e = err_say(why, ERR_IO, "%s: %s", path, errno_text(room, sizeof room));
        else
            out[n] = '\0';
        if (n >= 0 && strlen(out) != (size_t)n)
            e = err_say(why, ERR_INVAL, "%s: holds a NUL byte", path);
    }
    (void)close(fd);
    return e;
}

/* Two lines, nothing else; cuts `text` into its values. */
static bool parse_file(char *text, char **id, char **secret)
{
    if (strncmp(text, ID_WORD, sizeof ID_WORD - 1) != 0)
        return false;
    *id = text + sizeof ID_WORD - 1;
    char *end = strchr(*id, '\n');
    if (end == NULL)
        return false;
    *end = '\0';
    char *second = end + 1;
    if (strncmp(second, SECRET_WORD, sizeof SECRET_WORD - 1) != 0)
        return false;
    *secret = second + sizeof SECRET_WORD - 1;
    end = strchr(*secret, '\n');
    if (end == NULL || end[1] != '\0')
        return false;
    *end = '\0';
    return true;
}

enum err signing_key_load(const char *path, struct signing_key **out, struct err_text *why)
{
    char text[FILE_BYTES_MAX + 1] = "";
    uint8_t seed[ED25519_KEY_BYTES];
    char *id = "";
    char *secret = "";
    enum err e = read_private(path, text, why);
    if (e == ERR_OK && (!parse_file(text, &id, &secret) || !key_id_ok(id) ||
                        text_unhex(secret, seed, sizeof seed) != ERR_OK))
        e = err_say(why, ERR_INVAL,
                    "%s: not a key file (want the lines \"key_id <id>\" and \"ed25519_secret "
                    "<64 hexadecimal digits>\")",
                    path);
    if (e == ERR_OK) {
        e = signing_key_from_seed(id, seed, out);
        if (e != ERR_OK)
            (void)err_say(why, e, "%s: the key cannot be used (%s)", path, err_name(e));
    }
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(seed, sizeof seed);
    return e;
}

static bool write_whole(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return fsync(fd) == 0;
}

static bool sync_folder(const char *path)
{
    char folder[PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    (void)snprintf(folder, sizeof folder, "%.*s", n, slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* link, unlike rename, does not replace a key that is already there. */
static enum err publish(const char *text, const char *path, struct err_text *why)
{
    char made[PATH_BYTES_MAX];
    char room[128];
    int n = snprintf(made, sizeof made, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof made)
        return err_say(why, ERR_LIMIT, "the path of the key file is too long");
    int fd = mkostemp(made, O_CLOEXEC);
    if (fd < 0)
        return err_say(why, ERR_IO, "%s: %s", path, errno_text(room, sizeof room));
    bool ok = fchmod(fd, 0600) == 0 && write_whole(fd, text, strlen(text)) && link(made, path) == 0;
    enum err e = ERR_OK;
    if (!ok && errno == EEXIST)
        e = err_say(why, ERR_EXISTS, "%s: there is already a file; keys are never overwritten",
                    path);
    else if (!ok)
        e = err_say(why, ERR_IO, "%s: %s", path, errno_text(room, sizeof room));
    (void)close(fd);
    (void)unlink(made);
    if (e == ERR_OK && !sync_folder(path))
        e = err_say(why, ERR_IO, "%s: the folder could not be synced", path);
    return e;
}

enum err signing_key_save(const struct signing_key *k, const char *path, struct err_text *why)
{
    uint8_t seed[ED25519_KEY_BYTES];
    char hex[HEX_BYTES + 1];
    char text[FILE_BYTES_MAX];
    size_t n = sizeof seed;
    enum err e = ERR_OK;
    if (EVP_PKEY_get_raw_private_key(k->pkey, seed, &n) != 1) {
        ERR_clear_error();
        e = err_say(why, ERR_INTERNAL, "%s: the key cannot be exported", path);
    } else {
        text_hex(seed, sizeof seed, hex);
        (void)snprintf(text, sizeof text, ID_WORD "%s\n" SECRET_WORD "%s\n", k->id, hex);
        e = publish(text, path, why);
    }
    OPENSSL_cleanse(seed, sizeof seed);
    OPENSSL_cleanse(hex, sizeof hex);
    OPENSSL_cleanse(text, sizeof text);
    return e;
}
