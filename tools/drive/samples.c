/* Latencies as percentiles, CPU time of processes, and what machine it was. */
#include "drive/drive.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"

void samples_add(struct samples *s, int64_t us)
{
    if (s->n == s->cap) {
        size_t cap = s->cap == 0 ? 4096 : s->cap * 2;
        int64_t *more = realloc(s->us, cap * sizeof *more);
        if (more == NULL)
            return;
        s->us = more;
        s->cap = cap;
    }
    s->us[s->n++] = us;
}

void samples_join(struct samples *into, const struct samples *from)
{
    for (size_t i = 0; i < from->n; i++)
        samples_add(into, from->us[i]);
}

void samples_fini(struct samples *s)
{
    free(s->us);
    *s = (struct samples){0};
}

static int compare(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x;
    int64_t b = *(const int64_t *)y;
    return a < b ? -1 : a > b;
}

static json_t *at(const struct samples *s, double p)
{
    size_t i = (size_t)(p * (double)(s->n - 1) + 0.5);
    return json_integer(s->us[i]);
}

json_t *samples_json(struct samples *s)
{
    json_t *j = json_object();
    (void)json_object_set_new(j, "n", json_integer((json_int_t)s->n));
    if (s->n == 0)
        return j;
    qsort(s->us, s->n, sizeof *s->us, compare);
    (void)json_object_set_new(j, "p50Us", at(s, 0.5));
    (void)json_object_set_new(j, "p90Us", at(s, 0.9));
    (void)json_object_set_new(j, "p99Us", at(s, 0.99));
    (void)json_object_set_new(j, "p999Us", at(s, 0.999));
    (void)json_object_set_new(j, "maxUs", at(s, 1.0));
    /* every twentieth up to 95 %, then closer and closer to all */
    json_t *cdf = json_array();
    for (int i = 0; i <= 19; i++)
        (void)json_array_append_new(cdf, json_pack("[f,o]", i * 0.05, at(s, i * 0.05)));
    double rest = 0.04;
    while (rest > 0.0004 && rest * (double)s->n >= 1) {
        (void)json_array_append_new(cdf, json_pack("[f,o]", 1 - rest, at(s, 1 - rest)));
        rest *= 0.8;
    }
    (void)json_object_set_new(j, "cdf", cdf);
    return j;
}

int64_t cpu_of_pid_us(long pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -1;
    char line[1024];
    char user[24];
    char system[24];
    uint64_t user_ticks = 0;
    uint64_t system_ticks = 0;
    bool ok = fgets(line, sizeof line, f) != NULL;
    (void)fclose(f);
    char *close = ok ? strrchr(line, ')') : NULL; /* the name may hold spaces */
    if (close == NULL ||
        sscanf(close + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %23[0-9] %23[0-9]", user,
               system) != 2 ||
        text_u64(user, INT32_MAX, &user_ticks) != ERR_OK ||
        text_u64(system, INT32_MAX, &system_ticks) != ERR_OK)
        return -1;
    return (int64_t)(user_ticks + system_ticks) * 1000000 / sysconf(_SC_CLK_TCK);
}

int64_t cpu_self_us(void)
{
    struct rusage r;
    (void)getrusage(RUSAGE_SELF, &r);
    return (int64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 + r.ru_utime.tv_usec +
           r.ru_stime.tv_usec;
}

bool cpu_watch_begin(struct cpu_watch *w, const char *list)
{
    *w = (struct cpu_watch){.self_before_us = cpu_self_us()};
    for (const char *s = list; s != NULL && *s != '\0' && w->n < 8;) {
        size_t name = strcspn(s, "=");
        if (s[name] == '\0' || name >= sizeof w->name[0])
            return false;
        memcpy(w->name[w->n], s, name);
        char *end;
        w->pid[w->n] = strtol(s + name + 1, &end, 10);
        w->before_us[w->n] = cpu_of_pid_us(w->pid[w->n]);
        if (w->before_us[w->n] < 0)
            return false;
        w->n++;
        s = *end == ',' ? end + 1 : end;
        if (s == end && *end != '\0')
            return false;
    }
    return true;
}

json_t *cpu_watch_end(const struct cpu_watch *w, uint64_t per)
{
    json_t *j = json_object();
    double n = per == 0 ? 1.0 : (double)per;
    for (size_t i = 0; i < w->n; i++)
        (void)json_object_set_new(
            j, w->name[i], json_real((double)(cpu_of_pid_us(w->pid[i]) - w->before_us[i]) / n));
    (void)json_object_set_new(j, "generator",
                              json_real((double)(cpu_self_us() - w->self_before_us) / n));
    return j;
}

json_t *machine_json(void)
{
    json_t *j = json_object();
    struct utsname u;
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            colon[strcspn(colon, "\n")] = '\0';
            (void)json_object_set_new(j, "cpu", json_string(colon + 2));
            break;
        }
    }
    if (f != NULL)
        (void)fclose(f);
    (void)json_object_set_new(j, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    if (uname(&u) == 0)
        (void)json_object_set_new(j, "kernel", json_string(u.release));
    (void)json_object_set_new(j, "version", json_string(LIU_VERSION));
    return j;
}
