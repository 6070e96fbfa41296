/* SIGHUP: the configuration file is read again. A faulty file changes nothing; of a good one the
 * rows marked reloadable take effect, and of the others it is said that they need a restart. */
#include "flow/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_TOLD 16

static void refused(const char *why)
{
    log_event(LOG_LEVEL_WARN, "reload-refused", "the settings in force stay as they are", "why",
              why, NULL);
}

static void tell_faults(struct buf *report)
{
    if (buf_put(report, "", 1) != ERR_OK) {
        refused("too many faults");
        return;
    }
    char *line = (char *)report->data;
    for (int i = 0; *line != '\0' && i < FAULTS_TOLD; i++) {
        char *end = line + strcspn(line, "\n");
        bool last = *end == '\0';
        *end = '\0';
        refused(line);
        line = last ? end : end + 1;
    }
}

static void tell_change(void *arg, const struct conf_change *c)
{
    size_t *taken = arg;
    *taken += c->taken;
    if (c->taken)
        log_event(LOG_LEVEL_INFO, "setting-changed", "in force from now on", "setting",
                  c->row->name, "was", c->was, "now", c->now, NULL);
    else
        log_event(LOG_LEVEL_WARN, "setting-needs-restart", "takes effect after a restart",
                  "setting", c->row->name, "in_force", c->was, "in_file", c->now, NULL);
}

static void take_over(struct flow *f, const struct conf_table *fresh)
{
    size_t taken = 0;
    char n[24];
    conf_take(f->conf, fresh, 2, tell_change, &taken);
    log_set_level((enum log_level)flow_log_level(f->set.log_level));
    store_set_timeout(f->store, f->set.redis_timeout_ms);
    store_tls_look(f->store);
    doors_follow(f);
    (void)snprintf(n, sizeof n, "%zu", taken);
    log_event(LOG_LEVEL_INFO, "reloaded", "the configuration was read again", "changed", n, NULL);
}

void flow_reload(void *flow)
{
    struct flow *f = flow;
    if (f->conf == NULL)
        return;
    struct flow_settings set = {0};
    void *own = calloc(1, f->svc->settings_bytes + 1);
    struct conf_table fresh[] = {{f->conf[0].rows, f->conf[0].n, &set},
                                 {f->conf[1].rows, f->conf[1].n, own}};
    struct buf report;
    struct err_text why = {""};
    buf_init(&report, 64 * 1024);
    if (own == NULL) {
        refused("no memory");
    } else if (conf_load(f->conf_path, fresh, 2, &report) != ERR_OK) {
        tell_faults(&report);
    } else {
        if (flow_log_level(set.log_level) < 0)
            refused("log_level: must be debug, info, warn or error");
        else if (doors_check(&set, &why) != ERR_OK)
            refused(why.text);
        else
            take_over(f, fresh);
    }
    if (own != NULL)
        conf_free(fresh, 2);
    free(own);
    buf_fini(&report);
}
