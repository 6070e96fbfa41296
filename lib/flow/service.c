/* The process of a service: arguments, configuration, keys; then its life (life.c). */
#include "flow/internal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW(name_, type_, field, min_, max_, fallback_, help_)                                     \
    {                                                                                              \
        .name = name_, .type = type_, .offset = offsetof(struct flow_settings, field),             \
        .min = min_, .max = max_, .fallback = fallback_, .help = help_                             \
    }
#define RELOADABLE_ROW(name_, type_, field, min_, max_, fallback_, help_)                          \
    {                                                                                              \
        .name = name_, .type = type_, .offset = offsetof(struct flow_settings, field),             \
        .min = min_, .max = max_, .fallback = fallback_, .help = help_, .reloadable = true         \
    }

/* ---- configuration */

static const struct conf_row runtime_rows[] = {
    ROW("endpoint", CONF_STRING, endpoint, 1, 255, "tcp://127.0.0.1:*",
        "ZeroMQ endpoint of the main door"),
    ROW("http_address", CONF_STRING, http_address, 1, 255, "127.0.0.1:0",
        "private port: /metrics /healthz /readyz"),
    ROW("curve_key_file", CONF_PATH, curve_key_file, 1, 0, NULL,
        "CURVE key pair of this service, mode 0600"),
    RELOADABLE_ROW("second_endpoint", CONF_STRING, second_endpoint, 0, 255, "",
                   "main door under the second key, while keys are changed"),
    RELOADABLE_ROW("second_curve_key_file", CONF_PATH, second_curve_key_file, 0, 0, "",
                   "second CURVE key pair; the doors of a pair are open while its file is there"),
    ROW("signing_key_file", CONF_PATH, signing_key_file, 0, 0, "",
        "Ed25519 key of the scheme, mode 0600; empty = receipts unsigned"),
    ROW("redis_address", CONF_STRING, redis_address, 1, 255, NULL,
        "unix:/path, tcp:host:port, tls:host:port, sentinel: or sentinel-tls:NAME@host:port,..."),
    ROW("redis_replicas", CONF_INT, redis_replicas, 0, 5, "0",
        "replicas that must have a commit before it is acknowledged"),
    STORE_TLS_ROWS(ROW, redis_tls),
    ROW("redis_user", CONF_STRING, redis_user, 0, 64, "", "ACL user; empty = none"),
    ROW("redis_password_file", CONF_PATH, redis_password_file, 0, 0, "",
        "file that holds its password"),
    ROW("partition", CONF_STRING, partition, 1, 16, "p0", "partition tag of all keys"),
    ROW("scheme_instance", CONF_STRING, scheme_instance, 1, 64, "ismap-liu",
        "name that signatures are bound to"),
    RELOADABLE_ROW("log_level", CONF_STRING, log_level, 4, 5, "info", "debug, info, warn or error"),
    RELOADABLE_ROW("redis_timeout_ms", CONF_INT, redis_timeout_ms, 50, 60000, "2000",
                   "longest wait for one command"),
    RELOADABLE_ROW("drain_ms", CONF_INT, drain_ms, 0, 60000, "5000",
                   "longest wait for work under way when stopping"),
};

struct options {
    const char *config;
    bool check;
    bool print;
};

static int usage(const struct service *svc, FILE *out, int status)
{
    (void)fprintf(out,
                  "usage: liu-%s -c FILE [--check-config]\n"
                  "       liu-%s --print-config | --version | --help\n",
                  svc->name, svc->name);
    return status;
}

/* -1 = go on, otherwise the exit status. */
static int options_parse(int argc, char **argv, const struct service *svc, struct options *o)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
        {"print-config", no_argument, NULL, 'p'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 'k':
            o->check = true;
            break;
        case 'p':
            o->print = true;
            break;
        case 'v':
            (void)printf("liu-%s %s\n", svc->name, LIU_VERSION);
            return 0;
        case 'h':
            return usage(svc, stdout, 0);
        default:
            return usage(svc, stderr, 2);
        }
    }
    if (optind < argc || (o->config == NULL && !o->print))
        return usage(svc, stderr, 2);
    return -1;
}

int flow_log_level(const char *text)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    return -1;
}

/* Rows of the runtime with this service's own defaults. */
static void rows_for(const struct service *svc, struct conf_row *rows)
{
    memcpy(rows, runtime_rows, sizeof runtime_rows);
    if (svc->main_fallback != NULL)
        rows[0].fallback = svc->main_fallback;
    if (svc->http_fallback != NULL)
        rows[1].fallback = svc->http_fallback;
}

/* ---- the process */

static enum err keys_load(struct flow *f, struct err_text *why)
{
    enum err e = doors_check(&f->set, why);
    if (e == ERR_OK && f->set.signing_key_file[0] != '\0')
        e = signing_key_load(f->set.signing_key_file, &f->scheme_key, why);
    return e;
}

static int serve(struct flow *f)
{
    struct err_text why = {""};
    enum err e = keys_load(f, &why);
    if (e != ERR_OK) {
        (void)fprintf(stderr, "liu-%s: %s\n", f->svc->name, why.text);
        return 2;
    }
    e = flow_start(f, &why);
    if (e == ERR_OK)
        e = loop_run(f->loop);
    if (e != ERR_OK) {
        log_event(LOG_LEVEL_ERROR, "failed", why.text[0] != '\0' ? why.text : err_name(e), NULL);
        f->exit_status = 1;
    } else {
        log_event(LOG_LEVEL_INFO, "stopped", "bye", NULL);
    }
    int status = f->exit_status;
    flow_destroy(f);
    return status;
}

int service_main(int argc, char **argv, const struct service *svc)
{
    struct options o = {0};
    int status = options_parse(argc, argv, svc, &o);
    if (status >= 0)
        return status;
    struct conf_row rows[sizeof runtime_rows / sizeof runtime_rows[0]];
    rows_for(svc, rows);
    struct flow f = {.svc = svc, .why_not = "", .memory = {.max_bytes = LIMIT_WORKS_BYTES}};
    f.svc_settings = calloc(1, svc->settings_bytes + 1);
    struct conf_table tables[] = {{rows, sizeof rows / sizeof rows[0], &f.set},
                                  {svc->settings, svc->n_settings, f.svc_settings}};
    struct buf report;
    buf_init(&report, 64 * 1024);
    if (f.svc_settings == NULL)
        return 1;
    if (o.print) {
        conf_print(tables, 2, &report);
        (void)fwrite(report.data, 1, report.len, stdout);
        status = 0;
    } else if (conf_load(o.config, tables, 2, &report) != ERR_OK) {
        (void)fwrite(report.data, 1, report.len, stderr);
        status = 2;
    } else if (flow_log_level(f.set.log_level) < 0) {
        (void)fprintf(stderr, "%s: log_level: must be debug, info, warn or error\n", o.config);
        status = 2;
    } else if (o.check) {
        (void)printf("liu-%s: %s is valid\n", svc->name, o.config);
        status = 0;
    } else {
        f.conf_path = o.config;
        f.conf = tables;
        status = serve(&f);
    }
    conf_free(tables, 2);
    free(f.svc_settings);
    buf_fini(&report);
    return status;
}
