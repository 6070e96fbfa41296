/* Five questions in one round trip (six with AUTH); the first fault found is the reason told. */
#include "store/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "store/budget.h"
#include "store/conn.h"
#include "store/encode.h"
#include "store/reply.h"
#include "store/store_private.h"

#define SECRET_BYTES_MAX 512

struct check {
    struct conn *conn;
    struct err_text why;
    bool failed;
    uint64_t least;    /* where the journal ended at the least when the questions were sent */
    unsigned settings; /* how many of the required ones were answered */
    bool elsewhere;    /* another Redis may be the right one by now */
    bool confirmed;    /* this start of it, by the ledger */
    bool waits;        /* for that and nothing else */
    char run[64];
};

struct wanted {
    const char *name;
    const char *value;
    const char *reason;
};

static const struct wanted settings[] = {
    {"appendonly", "yes", "appendonly must be yes: nothing would survive a restart"},
    {"appendfsync", "always", "appendfsync must be always: an acknowledged effect could be lost"},
    {"maxmemory-policy", "noeviction", "maxmemory-policy must be noeviction: records could vanish"},
    {"save", "", "snapshots must be off (save \"\"): the append file is the record"},
    {"aof-load-truncated", "no",
     "aof-load-truncated must be no: a torn append file would lose acknowledged effects silently"},
};
#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

static const struct wanted facts[] = {
    {"role", "master", "Redis is a replica, not the primary"},
    {"loading", "0", "Redis is still loading its data"},
    {"aof_enabled", "1", "the append file is off"},
    {"aof_last_write_status", "ok", "the last write to the append file failed"},
};

/* The value of a line "name:value"; empty when there is none. */
void check_info_value(const char *info, const char *name, char out[64])
{
    size_t n = strlen(name);
    out[0] = '\0';
    for (const char *line = info; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) != 0 || line[n] != ':')
            continue;
        size_t len = strcspn(line + n + 1, "\r\n");
        if (len > 63)
            len = 63;
        memcpy(out, line + n + 1, len);
        out[len] = '\0';
        return;
    }
}

static void check_memory_of(const char *info, struct check_memory *memory)
{
    char value[64];
    check_info_value(info, "used_memory", value);
    memory->used_bytes = strtoull(value, NULL, 10);
    check_info_value(info, "maxmemory", value);
    memory->max_bytes = strtoull(value, NULL, 10);
    check_info_value(info, "server_time_usec", value);
    memory->server_ms = strtoll(value, NULL, 10) / 1000;
}

enum err check_info(const char *info, struct check_memory *memory, struct err_text *why)
{
    char value[64];
    check_info_value(info, "redis_version", value);
    if (strtol(value, NULL, 10) < 7)
        return err_say(why, ERR_CONFIG, "Redis 7 or later is needed, this is '%s'", value);
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        check_info_value(info, facts[i].name, value);
        if (strcmp(value, facts[i].value) != 0)
            return err_say(why, ERR_CONFIG, "%s (%s is '%s')", facts[i].reason, facts[i].name,
                           value);
    }
    check_memory_of(info, memory);
    return ERR_OK;
}

enum err check_replicas(const char *info, uint32_t wanted, struct err_text *why)
{
    char value[64];
    if (wanted == 0)
        return ERR_OK;
    check_info_value(info, "min_slaves_good_slaves", value);
    if (value[0] == '\0')
        return err_say(why, ERR_CONFIG,
                       "redis_replicas is %u: Redis needs min-replicas-to-write %u, too", wanted,
                       wanted);
    if (strtoul(value, NULL, 10) < wanted)
        return err_say(why, ERR_UNAVAILABLE, "%s replicas in reach, redis_replicas is %u", value,
                       wanted);
    return ERR_OK;
}

enum err check_setting(const char *name, const char *value, struct err_text *why)
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (strcmp(name, settings[i].name) == 0 && strcmp(value, settings[i].value) != 0)
            return err_say(why, ERR_CONFIG, "%s (it is '%s')", settings[i].reason, value);
    }
    return ERR_OK;
}

enum store_pressure check_pressure(const struct check_memory *m)
{
    return budget_whole(m->used_bytes, m->max_bytes);
}

static void fault(struct check *k, enum err e)
{
    k->failed = k->failed || e != ERR_OK;
}

/* False when this answer tells nothing more: the connection ended, or a fault is known, or it is an
 * error. */
static bool usable(struct check *k, enum err e, const redisReply *r, const char *what)
{
    const char *text = reply_error(r);
    if (e != ERR_OK || k->failed)
        return false;
    if (text == NULL)
        return true;
    fault(k, err_say(&k->why, ERR_CONFIG, "%s: Redis says: %s", what, text));
    return false;
}

static void on_auth(void *arg, enum err e, redisReply **reply)
{
    struct check *k = arg;
    if (usable(k, e, *reply, "AUTH") && !reply_is_ok(*reply))
        fault(k, err_say(&k->why, ERR_AUTH, "AUTH was not answered with OK"));
}

static void on_info(void *arg, enum err e, redisReply **reply)
{
    struct check *k = arg;
    struct check_memory memory = {0};
    if (!usable(k, e, *reply, "INFO"))
        return;
    const char *info = reply_text(*reply);
    char role[64];
    fault(k, check_info(info == NULL ? "" : info, &memory, &k->why));
    check_info_value(info == NULL ? "" : info, "role", role);
    check_info_value(info == NULL ? "" : info, "run_id", k->run);
    k->elsewhere = strcmp(role, "master") != 0;
    enum err replicas =
        k->failed ? ERR_OK : check_replicas(info, store_replicas(k->conn->store), &k->why);
    fault(k, replicas);
    k->elsewhere = k->elsewhere || replicas == ERR_UNAVAILABLE;
    if (!k->failed)
        store_memory(k->conn->store, &memory);
}

static void on_memory(void *arg, enum err e, redisReply **reply)
{
    struct store *s = arg;
    struct check_memory memory;
    const char *info = e == ERR_OK ? reply_text(*reply) : NULL;
    s->asked_memory = false;
    if (info == NULL)
        return;
    check_memory_of(info, &memory);
    store_memory(s, &memory);
}

void check_memory_now(struct store *s)
{
    struct conn *c = &s->conns[CONN_READS];
    if (!s->asked_memory && c->state == CONN_READY && !c->lost)
        s->asked_memory = conn_command(c, s->timeout_ms, on_memory, s, "INFO", "memory", "server",
                                       NULL) == ERR_OK;
}

static void on_config(void *arg, enum err e, redisReply **reply)
{
    struct check *k = arg;
    if (!usable(k, e, *reply, "CONFIG GET"))
        return;
    size_t n = reply_count(*reply);
    for (size_t i = 0; i + 1 < n && !k->failed; i += 2) {
        const char *name = reply_text(reply_at(*reply, i));
        const char *value = reply_text(reply_at(*reply, i + 1));
        if (name != NULL && value != NULL)
            fault(k, check_setting(name, value, &k->why));
    }
    if (!k->failed && n != 2 * N_SETTINGS)
        fault(k, err_say(&k->why, ERR_CONFIG,
                         "CONFIG GET does not answer all settings that are needed"));
}

static const redisReply *field(const redisReply *map, const char *name)
{
    for (size_t i = 0; i + 1 < reply_count(map); i += 2) {
        const char *text = reply_text(reply_at(map, i));
        if (text != NULL && strcmp(text, name) == 0)
            return reply_at(map, i + 1);
    }
    return NULL;
}

static void on_library(void *arg, enum err e, redisReply **reply)
{
    struct check *k = arg;
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    const char *code = NULL;
    size_t n = 0;
    if (!usable(k, e, *reply, "FUNCTION LIST"))
        return;
    if (!reply_string(field(reply_at(*reply, 0), "library_code"), &code, &n)) {
        fault(k,
              err_say(&k->why, ERR_CONFIG,
                      "the Function library is missing: run liuctl store init, or store migrate"));
        return;
    }
    if (crypto_sha256(&(struct crypto_part){code, n}, 1, digest) != ERR_OK) {
        fault(k, err_say(&k->why, ERR_INTERNAL, "SHA-256 failed"));
        return;
    }
    text_hex(digest, sizeof(digest), hex);
    if (strcmp(hex, store_library_hash()) != 0)
        fault(k,
              err_say(
                  &k->why, ERR_CONFIG,
                  "the Function library is %.16s..., this program needs %.16s...: run liuctl store "
                  "migrate, or the matching release",
                  hex, store_library_hash()));
}

static void judge_head(struct check *k, const redisReply *reply)
{
    const char *text = NULL;
    size_t n = 0;
    struct head head;
    if (reply_is_nil(reply))
        fault(k, err_say(&k->why, ERR_NOT_FOUND, "the store is empty: run liuctl store init"));
    else if (reply_string(reply, &text, &n) && n > 7 && memcmp(text + n - 7, " halted", 7) == 0 &&
             !k->conn->store->halted_too)
        fault(k, err_say(&k->why, ERR_DATA_LOSS,
                         "the ledger has halted the store, which lost archived entries: liuctl "
                         "store recover (runbook: Archive ahead)"));
    else if (!reply_string(reply, &text, &n) || head_parse(text, n, &head) != ERR_OK)
        fault(k, err_say(&k->why, ERR_DATA_LOSS, "the head of the journal cannot be read"));
    else if (!store_may_begin(k->conn->store, k->confirmed)) {
        k->waits = true;
        fault(k, err_say(&k->why, ERR_UNAVAILABLE,
                         "the ledger has not compared this start of Redis with its archive yet "
                         "(runbook: Older file)"));
    } else
        fault(k, store_head_seen(k->conn->store, &head, k->least, &k->why));
    if (!k->failed)
        (void)text_copy(k->conn->store->run, sizeof(k->conn->store->run), k->run);
}

static void on_confirmed(void *arg, enum err e, redisReply **reply)
{
    struct check *k = arg;
    const char *text = e == ERR_OK ? reply_text(*reply) : NULL;
    k->confirmed = text != NULL && k->run[0] != '\0' && strcmp(text, k->run) == 0;
}

static void on_head(void *arg, enum err e, redisReply **reply)
{
    struct check *k = arg;
    struct conn *c = k->conn;
    if (usable(k, e, *reply, "GET"))
        judge_head(k, *reply);
    if (e == ERR_OK)
        conn_checked(c, k->failed ? k->why.text : NULL, k->elsewhere, k->waits);
    free(k);
}

/* AUTH with the password of the file, read anew at every connect so that it can be changed. */
static enum err send_auth(struct check *k)
{
    struct conn *c = k->conn;
    char secret[SECRET_BYTES_MAX + 1];
    const char *user = store_user(c->store);
    const char *file = store_password_file(c->store);
    if (file[0] == '\0')
        return ERR_OK;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, secret, sizeof(secret));
    if (fd >= 0)
        (void)close(fd);
    if (n < 0 || (size_t)n > SECRET_BYTES_MAX)
        return err_say(&k->why, ERR_CONFIG, "the password file %s cannot be read", file);
    secret[n] = '\0';
    secret[strcspn(secret, "\r\n")] = '\0';
    enum err e =
        user[0] == '\0'
            ? conn_command(c, store_timeout_ms(c->store), on_auth, k, "AUTH", secret, NULL)
            : conn_command(c, store_timeout_ms(c->store), on_auth, k, "AUTH", user, secret, NULL);
    explicit_bzero(secret, sizeof(secret));
    return e;
}

static enum err send_questions(struct check *k)
{
    struct conn *c = k->conn;
    int64_t ms = store_timeout_ms(c->store);
    struct key head;
    struct key confirmed;
    key_head(&head, store_partition(c->store));
    key_confirmed(&confirmed, store_partition(c->store));
    struct buf *out = conn_out(c);
    enum err e = conn_command(c, ms, on_info, k, "INFO", "server", "replication", "persistence",
                              "memory", NULL);
    if (e != ERR_OK)
        return e;
    resp_array(out, 2 + N_SETTINGS);
    resp_text(out, "CONFIG");
    resp_text(out, "GET");
    for (size_t i = 0; i < N_SETTINGS; i++)
        resp_text(out, settings[i].name);
    e = conn_send(c, ms, on_config, k);
    if (e == ERR_OK)
        e = conn_command(c, ms, on_library, k, "FUNCTION", "LIST", "LIBRARYNAME", "liu", "WITHCODE",
                         NULL);
    if (e == ERR_OK)
        e = conn_command(c, ms, on_confirmed, k, "GET", confirmed.text, NULL);
    if (e == ERR_OK)
        e = conn_command(c, ms, on_head, k, "GET", head.text, NULL);
    return e;
}

void check_start(struct conn *c, bool first)
{
    struct check *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        conn_lose(c, "no memory");
        return;
    }
    k->conn = c;
    k->least = c->store->head_seq;
    c->check_at_ms = INT64_MAX;
    enum err e = first ? send_auth(k) : store_is_bell(c) ? bell_pause(c->store) : ERR_OK;
    if (e == ERR_OK)
        e = send_questions(k);
    if (e == ERR_OK)
        return;
    /* No room in the queue. The answers on their way still hold the check, so it ends with the
     * connection; ending it first and the check after it keeps that order. */
    struct err_text why = k->why;
    conn_lose(c, why.text[0] != '\0' ? why.text : "the connection is too busy to be checked");
    free(k);
}
