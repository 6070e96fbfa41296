/* Starts, watches and ends the real services of a test, by their own pids only. */
#include "support/stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/text.h"
#include "support/folder.h"

#define PORT_LOW 20000 /* below the kernel's ephemeral range: no outgoing connection takes one */
#define PORT_RANGE 12000
#define HTTP_WAIT_MS 2000

static const char *const names[STACK_SERVICES] = {"intake", "eligibility", "audit", "monitor",
                                                  "ledger"};

const char *stack_name(enum stack_service s)
{
    return names[s];
}

/* ---- files */

const char *stack_path(const struct stack *s, const char *name)
{
    static char paths[4][128];
    static unsigned at;
    char *p = paths[at++ % 4];
    (void)snprintf(p, sizeof paths[0], "%s/%s", s->dir, name);
    return p;
}

bool stack_write_file(const char *path, const char *text, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    size_t n = strlen(text);
    bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, (mode_t)mode) == 0;
    if (!ok)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

char *stack_read_file(const struct stack *s, const char *name)
{
    FILE *f = fopen(stack_path(s, name), "re");
    char *text = NULL;
    size_t cap = 0;
    if (f == NULL)
        return strdup("");
    if (getdelim(&text, &cap, 0, f) < 0) {
        free(text);
        text = strdup("");
    }
    (void)fclose(f);
    return text;
}

bool stack_logged(const struct stack *s, enum stack_service svc, const char *word)
{
    char file[32];
    (void)snprintf(file, sizeof file, "%s.log", names[svc]);
    char *text = stack_read_file(s, file);
    bool found = strstr(text, word) != NULL;
    free(text);
    return found;
}

/* ---- identities */

bool identity_make(struct identity *out, const char *id)
{
    char key_id[64];
    (void)text_copy(out->id, sizeof out->id, id);
    (void)snprintf(key_id, sizeof key_id, "%s-1", id);
    return curve_keys_generate(&out->curve) == ERR_OK &&
           signing_key_generate(key_id, &out->signing) == ERR_OK;
}

void identity_free(struct identity *i)
{
    signing_key_free(i->signing);
    curve_keys_wipe(&i->curve);
    *i = (struct identity){.id = ""};
}

/* ---- configuration */

static bool port_is_free(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static bool port_choose(unsigned *out)
{
    for (int i = 0; i < 1000; i++) {
        uint16_t r;
        if (crypto_random(&r, sizeof r) != ERR_OK)
            return false;
        *out = PORT_LOW + r % PORT_RANGE;
        if (port_is_free(*out))
            return true;
    }
    return false;
}

static bool write_service(struct stack *s, enum stack_service svc)
{
    char text[2048];
    char file[48];
    char extra[512] = "";
    if (svc == STACK_MONITOR)
        (void)snprintf(extra, sizeof extra,
                       "urgent_endpoint: tcp://127.0.0.1:%u\nbulk_endpoint: tcp://127.0.0.1:%u\n",
                       s->ports[STACK_URGENT], s->ports[STACK_BULK]);
    if (svc == STACK_LEDGER)
        (void)snprintf(extra, sizeof extra, "archive_dir: %s/archive\nsegment_seconds: 5\n",
                       s->dir);
    (void)snprintf(text, sizeof text,
                   "endpoint: tcp://127.0.0.1:%u\nhttp_address: 127.0.0.1:%u\n"
                   "curve_key_file: %s/%s.curve\nsigning_key_file: %s/scheme.sign\n"
                   "redis_address: unix:%s/redis.sock\nscheme_instance: " STACK_INSTANCE "\n"
                   "redis_timeout_ms: 1500\n%s",
                   s->ports[svc], s->http[svc], s->dir, names[svc], s->dir, s->dir, extra);
    (void)snprintf(file, sizeof file, "%s.yaml", names[svc]);
    return stack_write_file(stack_path(s, file), text, 0600);
}

static bool write_keys(struct stack *s)
{
    struct err_text why = {""};
    char file[48];
    bool ok = true;
    for (int i = 0; ok && i < STACK_SERVICES; i++) {
        (void)snprintf(file, sizeof file, "%s.curve", names[i]);
        ok = curve_keys_generate(&s->servers[i].curve) == ERR_OK &&
             curve_keys_save(&s->servers[i].curve, stack_path(s, file), &why) == ERR_OK;
    }
    ok = ok && signing_key_generate("scheme-1", &s->scheme) == ERR_OK &&
         signing_key_save(s->scheme, stack_path(s, "scheme.sign"), &why) == ERR_OK;
    if (!ok)
        fprintf(stderr, "keys: %s\n", why.text);
    return ok;
}

static bool write_operator(struct stack *s)
{
    uint8_t key[ED25519_KEY_BYTES];
    char text[512];
    char b64[64];
    struct err_text why = {""};
    if (!identity_make(&s->operator_, "operator") ||
        curve_keys_save(&s->operator_.curve, stack_path(s, "operator.curve"), &why) != ERR_OK ||
        signing_key_save(s->operator_.signing, stack_path(s, "operator.sign"), &why) != ERR_OK)
        return false;
    signing_key_public(s->operator_.signing, key);
    base64_encode(key, sizeof key, b64);
    (void)snprintf(text, sizeof text,
                   "{\"curve\":[\"%s\"],\"signing\":[{\"keyId\":\"operator-1\",\"publicKey\":"
                   "\"%s\"}]}\n",
                   s->operator_.curve.public_z85, b64);
    return stack_write_file(stack_path(s, "operator.json"), text, 0600);
}

bool stack_prepare(struct stack *s)
{
    *s = (struct stack){.dir = "/tmp/liu-stack-XXXXXX"};
    if (mkdtemp(s->dir) == NULL || mkdir(stack_path(s, "archive"), 0700) != 0) {
        fprintf(stderr, "%s: %s\n", s->dir, strerror(errno));
        return false;
    }
    bool ok = write_keys(s) && write_operator(s);
    for (int i = 0; ok && i < STACK_DOORS; i++)
        ok = port_choose(&s->ports[i]);
    for (int i = 0; ok && i < STACK_SERVICES; i++)
        ok = port_choose(&s->http[i]) && write_service(s, (enum stack_service)i);
    return ok;
}

bool stack_genesis(struct stack *s, const char *const *extra)
{
    char text[512];
    char out[4096];
    if (!test_redis_start(&s->redis, extra))
        return false;
    (void)unlink(stack_path(s, "redis.sock"));
    if (symlink(s->redis.socket, stack_path(s, "redis.sock")) != 0)
        return false;
    (void)snprintf(text, sizeof text,
                   "identity: operator\nkey_dir: %s\nscheme_instance: " STACK_INSTANCE
                   "\nredis_address: %s\n",
                   s->dir, s->redis.address);
    const char *config = stack_path(s, "liuctl.yaml");
    const char *keys = stack_path(s, "operator.json");
    const char *const argv[] = {"--config",
                                config,
                                "--quiet",
                                "store",
                                "init",
                                "--operator",
                                keys,
                                "--rulebook",
                                LIU_SOURCE_DIR "/rules/regime-a.yaml",
                                "--targets",
                                LIU_SOURCE_DIR "/rules/targets.yaml",
                                "--catalogue",
                                LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv",
                                NULL};
    if (!stack_write_file(config, text, 0600))
        return false;
    int status = stack_run("liuctl", argv, out, sizeof out);
    if (status != 0)
        fprintf(stderr, "liuctl store init: exit status %d\n%s\n", status, out);
    return status == 0;
}

bool stack_create(struct stack *s, unsigned services)
{
    return stack_prepare(s) && stack_genesis(s, NULL) && stack_start(s, services);
}

/* ---- processes */

static void child(const char *program, const char *const *argv, int out_fd, int err_fd)
{
    char path[512];
    const char *all[32] = {path};
    size_t n = 1;
    sigset_t none;
    (void)snprintf(path, sizeof path, LIU_BINARY_DIR "/bin/%s", program);
    for (; argv[n - 1] != NULL && n < 31; n++)
        all[n] = argv[n - 1];
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out_fd < 0 ? null : out_fd, 1) < 0 ||
        dup2(err_fd, 2) < 0)
        _exit(127);
    (void)execv(path, (char *const *)(uintptr_t)all);
    _exit(127);
}

bool stack_spawn_to(struct stack *s, enum stack_service svc, int err_fd)
{
    char config[128];
    char program[32];
    (void)snprintf(config, sizeof config, "%s/%s.yaml", s->dir, names[svc]);
    (void)snprintf(program, sizeof program, "liu-%s", names[svc]);
    const char *const argv[] = {"-c", config, NULL};
    pid_t pid = fork();
    if (pid == 0)
        child(program, argv, -1, err_fd);
    s->pids[svc] = pid > 0 ? pid : 0;
    return pid > 0;
}

bool stack_spawn(struct stack *s, enum stack_service svc)
{
    char file[32];
    (void)snprintf(file, sizeof file, "%s.log", names[svc]);
    int fd = open(stack_path(s, file), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && stack_spawn_to(s, svc, fd);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static void show_log(const struct stack *s, enum stack_service svc)
{
    char file[32];
    (void)snprintf(file, sizeof file, "%s.log", names[svc]);
    char *text = stack_read_file(s, file);
    size_t n = strlen(text);
    fprintf(stderr, "---- %s\n%s----\n", file, n > 6000 ? text + n - 6000 : text);
    free(text);
}

bool stack_wait_ready(struct stack *s, enum stack_service svc, int64_t timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    while (clock_mono_ms() < until) {
        if (stack_http(s, svc, "/readyz", NULL, 0) == 200)
            return true;
        int status;
        if (s->pids[svc] != 0 && waitpid(s->pids[svc], &status, WNOHANG) == s->pids[svc]) {
            s->pids[svc] = 0;
            fprintf(stderr, "%s ended with status %d\n", names[svc], status);
            show_log(s, svc);
            return false;
        }
        (void)usleep(20000);
    }
    fprintf(stderr, "%s is not ready\n", names[svc]);
    show_log(s, svc);
    return false;
}

bool stack_start(struct stack *s, unsigned services)
{
    bool ok = true;
    for (int i = 0; ok && i < STACK_SERVICES; i++)
        if ((services & STACK_BIT(i)) != 0)
            ok = stack_spawn(s, (enum stack_service)i);
    for (int i = 0; ok && i < STACK_SERVICES; i++)
        if ((services & STACK_BIT(i)) != 0)
            ok = stack_wait_ready(s, (enum stack_service)i, STACK_READY_MS);
    return ok;
}

static int wait_end(pid_t pid, int64_t timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) != pid) {
        if (clock_mono_ms() >= until)
            return -1;
        (void)usleep(5000);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int stack_wait_end(struct stack *s, enum stack_service svc, int64_t timeout_ms)
{
    if (s->pids[svc] == 0)
        return -1;
    int status = wait_end(s->pids[svc], timeout_ms);
    if (status < 0) {
        fprintf(stderr, "%s did not end\n", names[svc]);
        (void)kill(s->pids[svc], SIGKILL);
        (void)waitpid(s->pids[svc], NULL, 0);
    }
    s->pids[svc] = 0;
    if (stack_logged(s, svc, "Sanitizer") || stack_logged(s, svc, "runtime error:")) {
        s->reported = true;
        show_log(s, svc);
    }
    return status;
}

int stack_stop(struct stack *s, enum stack_service svc)
{
    if (s->pids[svc] != 0)
        (void)kill(s->pids[svc], SIGTERM);
    return stack_wait_end(s, svc, STACK_STOP_MS);
}

void stack_kill(struct stack *s, enum stack_service svc)
{
    if (s->pids[svc] != 0)
        (void)kill(s->pids[svc], SIGKILL);
    (void)stack_wait_end(s, svc, STACK_STOP_MS);
}

int stack_run(const char *program, const char *const *argv, char *out, size_t out_bytes)
{
    int fds[2];
    size_t n = 0;
    out[0] = '\0';
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        child(program, argv, fds[1], fds[1]);
    (void)close(fds[1]);
    char rest[512];
    for (;;) {
        bool room = n + 1 < out_bytes;
        ssize_t got = read(fds[0], room ? out + n : rest, room ? out_bytes - 1 - n : sizeof rest);
        if (got <= 0)
            break;
        n += room ? (size_t)got : 0;
    }
    out[n] = '\0';
    (void)close(fds[0]);
    return pid < 0 ? -1 : wait_end(pid, STACK_READY_MS);
}

void stack_destroy(struct stack *s)
{
    if (s->redis.pid != 0)
        test_redis_resume(&s->redis);
    for (int i = 0; i < STACK_SERVICES; i++)
        if (s->pids[i] != 0)
            (void)kill(s->pids[i], SIGTERM);
    for (int i = 0; i < STACK_SERVICES; i++)
        if (s->pids[i] != 0)
            (void)stack_wait_end(s, (enum stack_service)i, STACK_STOP_MS);
    test_redis_destroy(&s->redis);
    identity_free(&s->operator_);
    signing_key_free(s->scheme);
    s->scheme = NULL;
    if (s->reported)
        fprintf(stderr, "files stay in %s\n", s->dir);
    else if (s->dir[0] != '\0')
        (void)test_folder_remove(s->dir);
    s->dir[0] = '\0';
}

/* ---- the private port */

static int http_connect(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = HTTP_WAIT_MS / 1000};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int stack_http(const struct stack *s, enum stack_service svc, const char *path, char *body,
               size_t body_bytes)
{
    static char answer[262144];
    char ask[128];
    size_t n = 0;
    ssize_t got = -1;
    int code = -1;
    int fd = http_connect(s->http[svc]);
    if (fd < 0)
        return -1;
    int len = snprintf(ask, sizeof ask, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    if (send(fd, ask, (size_t)len, MSG_NOSIGNAL) == len)
        while ((got = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
            n += (size_t)got;
    (void)close(fd);
    answer[n] = '\0';
    if (got != 0 || strncmp(answer, "HTTP/1.", 7) != 0 || n < 12)
        return -1;
    code = (int)strtol(answer + 9, NULL, 10);
    const char *at = strstr(answer, "\r\n\r\n");
    if (body != NULL && body_bytes > 0)
        (void)text_copy(body, body_bytes, at == NULL ? "" : at + 4);
    return code;
}

int64_t stack_metric(const struct stack *s, enum stack_service svc, const char *name)
{
    static char body[262144];
    size_t n = strlen(name);
    int64_t sum = -1;
    if (stack_http(s, svc, "/metrics", body, sizeof body) != 200)
        return -1;
    for (const char *line = body; line != NULL; line = strchr(line, '\n')) {
        line += line[0] == '\n';
        if (strncmp(line, name, n) != 0 || (line[n] != ' ' && line[n] != '{'))
            continue;
        const char *value = strchr(line, line[n] == '{' ? '}' : ' ');
        if (value != NULL)
            sum = (sum < 0 ? 0 : sum) + strtoll(value + 1, NULL, 10);
    }
    return sum;
}
