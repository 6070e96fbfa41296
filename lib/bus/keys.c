/* Key files. They hold the identity of a service or a party, so that the reader is strict (a slip
 * must not silently become another identity), the writer never replaces a file, and nothing secret
 * is left on the stack.
 */
#include "bus/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zmq.h>

#include "base/text.h"

#define KEY_FILE_BYTES 4096
#define Z85_CHARS (CURVE_Z85_BYTES - 1)
#define KEY_BYTES 32

enum err curve_keys_generate(struct curve_keys *out)
{
    if (zmq_curve_keypair(out->public_z85, out->secret_z85) != 0)
        return ERR_INTERNAL; /* ENOTSUP: this libzmq was built without CURVE */
    return ERR_OK;
}

void curve_keys_wipe(struct curve_keys *k)
{
    if (k != NULL)
        explicit_bzero(k, sizeof(*k));
}

/* The 85 characters of ZeroMQ RFC 32. */
static bool is_key(const char *s)
{
    static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    uint8_t raw[KEY_BYTES];
    if (strlen(s) != Z85_CHARS || strspn(s, z85) != Z85_CHARS)
        return false;
    bool ok = zmq_z85_decode(raw, s) != NULL;
    explicit_bzero(raw, sizeof(raw));
    return ok;
}

/* ---- reading */

static enum err check_file(int fd, const char *path, bool secret, struct err_text *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_say(why, ERR_CONFIG, "%s: not a regular file", path);
    if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return err_say(why, ERR_AUTH, "%s: others may use this secret key; run chmod 600 on it",
                       path);
    if (!secret && (st.st_mode & S_IWOTH) != 0)
        return err_say(why, ERR_AUTH, "%s: everybody may write this file; run chmod 644 on it",
                       path);
    return ERR_OK;
}

static enum err read_file(const char *path, bool secret, char text[KEY_FILE_BYTES],
                          struct err_text *why)
{
    size_t used = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_say(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                       strerror(errno));
    enum err e = check_file(fd, path, secret, why);
    while (e == ERR_OK) {
        ssize_t n = read(fd, text + used, KEY_FILE_BYTES - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
        if (n <= 0)
            break;
        used += (size_t)n;
        if (used == KEY_FILE_BYTES - 1)
            e = err_say(why, ERR_LIMIT, "%s: too long for a key file", path);
    }
    text[used] = '\0';
    (void)close(fd);
    if (e == ERR_OK && strlen(text) != used)
        e = err_say(why, ERR_CONFIG, "%s: a NUL byte in a key file", path);
    return e;
}

static enum err take_line(char *line, struct curve_keys *k)
{
    static const char public_word[] = "curve_public ", secret_word[] = "curve_secret ";
    char *to = NULL;
    const char *value = NULL;
    if (*line == '\0' || *line == '#')
        return ERR_OK;
    if (strncmp(line, public_word, sizeof(public_word) - 1) == 0) {
        to = k->public_z85;
        value = line + sizeof(public_word) - 1;
    } else if (strncmp(line, secret_word, sizeof(secret_word) - 1) == 0) {
        to = k->secret_z85;
        value = line + sizeof(secret_word) - 1;
    }
    if (to == NULL || *to != '\0' || !is_key(value))
        return ERR_INVAL; /* unknown word, given twice, or not a key */
    memcpy(to, value, CURVE_Z85_BYTES);
    return ERR_OK;
}

static enum err parse(char *text, struct curve_keys *k, const char *path, struct err_text *why)
{
    unsigned line_no = 0;
    *k = (struct curve_keys){.public_z85 = ""};
    for (char *line = text; line != NULL;) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        line_no++;
        if (take_line(line, k) != ERR_OK)
            return err_say(why, ERR_CONFIG,
                           "%s:%u: expected one \"curve_public KEY\" and at most one "
                           "\"curve_secret KEY\", each KEY being 40 characters of Z85",
                           path, line_no);
        line = next;
    }
    if (k->public_z85[0] == '\0')
        return err_say(why, ERR_CONFIG, "%s: the line \"curve_public KEY\" is missing", path);
    return ERR_OK;
}

enum err curve_keys_load(const char *path, struct curve_keys *out, struct err_text *why)
{
    char text[KEY_FILE_BYTES], derived[CURVE_Z85_BYTES];
    enum err e = read_file(path, true, text, why);
    if (e == ERR_OK)
        e = parse(text, out, path, why);
    if (e == ERR_OK && out->secret_z85[0] == '\0')
        e = err_say(why, ERR_CONFIG, "%s: the line \"curve_secret KEY\" is missing", path);
    if (e == ERR_OK &&
        (zmq_curve_public(derived, out->secret_z85) != 0 || strcmp(derived, out->public_z85) != 0))
        e = err_say(why, ERR_CONFIG, "%s: the public and the secret key are no pair", path);
    if (e != ERR_OK)
        curve_keys_wipe(out);
    explicit_bzero(text, sizeof(text));
    return e;
}

enum err curve_public_load(const char *path, char out[CURVE_Z85_BYTES], struct err_text *why)
{
    char text[KEY_FILE_BYTES];
    struct curve_keys k;
    enum err e = read_file(path, false, text, why);
    if (e == ERR_OK)
        e = parse(text, &k, path, why);
    else
        k = (struct curve_keys){.public_z85 = ""};
    if (e == ERR_OK && k.secret_z85[0] != '\0')
        e = err_say(why, ERR_AUTH, "%s: holds a secret key; give out the public file only", path);
    memcpy(out, e == ERR_OK ? k.public_z85 : "", e == ERR_OK ? CURVE_Z85_BYTES : 1);
    curve_keys_wipe(&k);
    explicit_bzero(text, sizeof(text));
    return e;
}

/* ---- writing */

static enum err write_all(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        text += n;
        left -= (size_t)n;
    }
    return fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

/* A name in a directory is on disk only when the directory is. */
static enum err sync_directory(const char *path)
{
    char dir[4096];
    if (!text_copy(dir, sizeof(dir), path))
        return ERR_LIMIT;
    char *slash = strrchr(dir, '/');
    if (slash == NULL)
        (void)text_copy(dir, sizeof(dir), ".");
    else
        slash[slash == dir ? 1 : 0] = '\0';
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    enum err e = fsync(fd) == 0 ? ERR_OK : ERR_IO;
    (void)close(fd);
    return e;
}

/* Written beside and linked into place: a reader finds a whole file or none, and link, unlike
 * rename, fails where there is one. */
static enum err save(const char *text, const char *path, mode_t mode, struct err_text *why)
{
    char beside[4096];
    int n = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof(beside))
        return err_say(why, ERR_LIMIT, "the path of the key file is too long");
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return err_say(why, ERR_IO, "%s: %s", beside, strerror(errno));
    enum err e = fchmod(fd, mode) == 0 ? write_all(fd, text) : ERR_IO;
    if (e == ERR_OK && link(beside, path) != 0)
        e = errno == EEXIST ? ERR_EXISTS : ERR_IO;
    int saved = errno;
    (void)close(fd);
    (void)unlink(beside);
    if (e == ERR_OK) {
        e = sync_directory(path);
        saved = errno;
    }
    if (e == ERR_EXISTS)
        return err_say(why, e, "%s: exists; move the old key away first", path);
    return e == ERR_OK ? e : err_say(why, e, "%s: %s", path, strerror(saved));
}

enum err curve_keys_save(const struct curve_keys *k, const char *path, struct err_text *why)
{
    char text[2 * CURVE_Z85_BYTES + 32];
    if (!is_key(k->public_z85) || !is_key(k->secret_z85))
        return err_say(why, ERR_INVAL, "not a CURVE key pair");
    (void)snprintf(text, sizeof(text), "curve_public %s\ncurve_secret %s\n", k->public_z85,
                   k->secret_z85);
    enum err e = save(text, path, S_IRUSR | S_IWUSR, why);
    explicit_bzero(text, sizeof(text));
    return e;
}

enum err curve_public_save(const char *public_z85, const char *path, struct err_text *why)
{
    char text[CURVE_Z85_BYTES + 32];
    if (!is_key(public_z85))
        return err_say(why, ERR_INVAL, "not a CURVE public key");
    (void)snprintf(text, sizeof(text), "curve_public %s\n", public_z85);
    return save(text, path, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, why);
}
