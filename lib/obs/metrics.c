/* A fixed table of metrics; those of one name are chained so that HELP and TYPE come once. */
#include "obs/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define METRICS_MAX 512
#define BUCKETS 19 /* 50 us * 2^18 = 13.1 s; beyond it only +Inf */
#define FIRST_BUCKET_US 50

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM, KIND_SINK };

struct metric {
    enum kind kind;
    bool leads;          /* first of its name */
    struct metric *next; /* of the same name */
    char *name;
    char *labels;
    char *help;
    int64_t value; /* counter, gauge; a histogram's sum in microseconds */
    uint64_t count;
    uint64_t buckets[BUCKETS];
};

static struct metric table[METRICS_MAX];
static size_t table_n;
static struct metric sink = {.kind = KIND_SINK};
static int64_t refused; /* registrations answered with the sink */

static bool name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* The length of a metric or label name at s, 0 when there is none. */
static size_t name_bytes(const char *s)
{
    size_t n = 0;
    while (name_byte(s[n], n == 0))
        n++;
    return n;
}

/* name="value" pairs with commas between; a value holds no raw quote, backslash or line end. */
static bool labels_ok(const char *s)
{
    if (*s == '\0')
        return true;
    for (;;) {
        size_t n = name_bytes(s);
        if (n == 0 || s[n] != '=' || s[n + 1] != '"')
            return false;
        s += n + 2;
        while (*s != '\0' && *s != '"' && *s != '\n') {
            if (*s == '\\' && s[1] != '\\' && s[1] != '"' && s[1] != 'n')
                return false;
            s += *s == '\\' ? 2 : 1;
        }
        if (*s != '"')
            return false;
        s++;
        if (*s == '\0')
            return true;
        if (*s++ != ',')
            return false;
    }
}

static struct metric *refuse(void)
{
    refused++;
    return &sink;
}

static struct metric *add(enum kind kind, const char *name, const char *labels, const char *help)
{
    if (table_n == METRICS_MAX)
        return refuse();
    struct metric m = {
        .kind = kind, .name = strdup(name), .labels = strdup(labels), .help = strdup(help)};
    if (m.name == NULL || m.labels == NULL || m.help == NULL) {
        free(m.name);
        free(m.labels);
        free(m.help);
        return refuse();
    }
    table[table_n] = m;
    return &table[table_n++];
}

static struct metric *get(enum kind kind, const char *name, const char *labels, const char *help)
{
    if (labels == NULL)
        labels = "";
    if (name_bytes(name) != strlen(name) || *name == '\0' || !labels_ok(labels))
        return refuse();
    struct metric *last = NULL;
    for (size_t i = 0; i < table_n && last == NULL; i++)
        if (table[i].leads && strcmp(table[i].name, name) == 0)
            last = &table[i];
    if (last != NULL && last->kind != kind)
        return refuse();
    for (struct metric *m = last; m != NULL; m = m->next) {
        if (strcmp(m->labels, labels) == 0)
            return m;
        last = m;
    }
    struct metric *m = add(kind, name, labels, help == NULL ? "" : help);
    if (m != &sink && last != NULL)
        last->next = m;
    m->leads = last == NULL;
    return m;
}

struct metric *metrics_counter(const char *name, const char *labels, const char *help)
{
    return get(KIND_COUNTER, name, labels, help);
}

struct metric *metrics_gauge(const char *name, const char *labels, const char *help)
{
    return get(KIND_GAUGE, name, labels, help);
}

struct metric *metrics_histogram(const char *name, const char *labels, const char *help)
{
    return get(KIND_HISTOGRAM, name, labels, help);
}

void metric_add(struct metric *m, uint64_t n)
{
    assert(m->kind != KIND_HISTOGRAM);
    m->value = (int64_t)((uint64_t)m->value + n);
}

void metric_set(struct metric *m, int64_t value)
{
    assert(m->kind == KIND_GAUGE || m->kind == KIND_SINK);
    m->value = value;
}

int64_t metric_value(const struct metric *m)
{
    return m->value;
}

void metric_observe_us(struct metric *m, int64_t us)
{
    assert(m->kind == KIND_HISTOGRAM || m->kind == KIND_SINK);
    if (us < 0)
        us = 0;
    m->value = (int64_t)((uint64_t)m->value + (uint64_t)us);
    m->count++;
    int64_t bound = FIRST_BUCKET_US;
    for (size_t i = 0; i < BUCKETS; i++, bound *= 2)
        if (us <= bound) {
            m->buckets[i]++;
            break;
        }
}

static void render_help(struct buf *out, const struct metric *m)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    (void)buf_printf(out, "# HELP %s ", m->name);
    for (const char *s = m->help; *s != '\0'; s++)
        (void)buf_put(out,
                      *s == '\n'   ? "\\n"
                      : *s == '\\' ? "\\\\"
                                   : s,
                      *s == '\n' || *s == '\\' ? 2 : 1);
    (void)buf_printf(out, "\n# TYPE %s %s\n", m->name, types[m->kind]);
}

static void render_seconds(struct buf *out, int64_t us)
{
    (void)buf_printf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static void render_histogram(struct buf *out, const struct metric *m)
{
    const char *comma = *m->labels == '\0' ? "" : ",";
    uint64_t sum = 0;
    int64_t bound = FIRST_BUCKET_US;
    for (size_t i = 0; i < BUCKETS; i++, bound *= 2) {
        sum += m->buckets[i];
        (void)buf_printf(out, "%s_bucket{%s%sle=\"", m->name, m->labels, comma);
        render_seconds(out, bound);
        (void)buf_printf(out, "\"} %" PRIu64 "\n", sum);
    }
    (void)buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", m->name, m->labels, comma,
                     m->count);
    const char *open = *m->labels == '\0' ? "" : "{";
    const char *close = *m->labels == '\0' ? "" : "}";
    (void)buf_printf(out, "%s_sum%s%s%s ", m->name, open, m->labels, close);
    render_seconds(out, m->value);
    (void)buf_printf(out, "\n%s_count%s%s%s %" PRIu64 "\n", m->name, open, m->labels, close,
                     m->count);
}

static void render_one(struct buf *out, const struct metric *m)
{
    if (m->kind == KIND_HISTOGRAM) {
        render_histogram(out, m);
        return;
    }
    const char *open = *m->labels == '\0' ? "" : "{";
    const char *close = *m->labels == '\0' ? "" : "}";
    (void)buf_printf(out, "%s%s%s%s ", m->name, open, m->labels, close);
    if (m->kind == KIND_COUNTER)
        (void)buf_printf(out, "%" PRIu64 "\n", (uint64_t)m->value);
    else
        (void)buf_printf(out, "%" PRId64 "\n", m->value);
}

void metrics_render(struct buf *out)
{
    for (size_t i = 0; i < table_n; i++) {
        if (!table[i].leads)
            continue;
        render_help(out, &table[i]);
        for (const struct metric *m = &table[i]; m != NULL; m = m->next)
            render_one(out, m);
    }
    (void)buf_printf(out,
                     "# HELP liu_metrics_refused_total Registrations that had no room or no valid "
                     "name.\n# TYPE liu_metrics_refused_total counter\n"
                     "liu_metrics_refused_total %" PRId64 "\n",
                     refused);
}

void metrics_reset(void)
{
    for (size_t i = 0; i < table_n; i++) {
        free(table[i].name);
        free(table[i].labels);
        free(table[i].help);
        table[i] = (struct metric){.kind = KIND_SINK};
    }
    table_n = 0;
    refused = 0;
}
