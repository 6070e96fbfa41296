/* A flood of low alerts on a feed's bulk lane, one critical alert inside it, one in the urgent
 * lane, and ministries that wait for the notice: when was the suspension durable, when did the
 * notice arrive?
 *
 * The lanes are numbered; a refused message means going back to the last number taken.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "drive/drive.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "wire/unpack.h"

#define SUBSCRIBERS_MAX 8
#define WINDOW_MAX 64

struct notice {
    int64_t urgent_us; /* when it arrived; 0 = not yet */
    int64_t bulk_us;
};

struct flood {
    struct cli *cli;
    const char *feed;
    const char *urgent_number;
    const char *bulk_number;
    uint64_t alerts;
    uint64_t batch;
    uint64_t window;
    uint64_t epoch;
    uint64_t wait_ms;
    uint64_t seconds; /* at most */
    uint64_t bytes;   /* of messages, after which it ends; 0 = after `alerts` */
    uint64_t bytes_taken;
    _Atomic bool stop;
    _Atomic bool half; /* half of the flood has been taken: time for the urgent one */
    int64_t urgent_pushed_us;
    int64_t urgent_durable_us;
    int64_t bulk_pushed_us;
    int64_t bulk_durable_us;
    int64_t began_us;
    int64_t ended_us;
    uint64_t taken;
    uint64_t refused;
    uint64_t messages;
    struct samples ack;
    int urgent_verdict;
    int bulk_verdict;
    int status;
};

struct subscriber {
    struct flood *flood;
    struct lane lane;
    const char *identity;
    pthread_t thread;
    struct notice notice;
    char epoch[33];
    uint64_t after;
    _Atomic bool listening;
};

/* ---- subscribers */

static void take_events(struct subscriber *s, const Ismap__Liu__V1__Events *ev)
{
    int64_t now = clock_mono_us();
    (void)text_copy(s->epoch, sizeof s->epoch, ev->epoch);
    s->after = ev->next_seq;
    for (size_t i = 0; i < ev->n_events; i++) {
        ProtobufCMessage *m;
        if (strcmp(ev->events[i]->type, ismap__liu__v1__suspension_imposed__descriptor.name) != 0 ||
            wire_unpack(&s->lane.cli.arena, &ismap__liu__v1__suspension_imposed__descriptor,
                        ev->events[i]->payload.data, ev->events[i]->payload.len, &m) != ERR_OK)
            continue;
        const Ismap__Liu__V1__SuspensionImposed *n = (const void *)m;
        if (s->flood->urgent_number != NULL && strcmp(n->number, s->flood->urgent_number) == 0 &&
            s->notice.urgent_us == 0)
            s->notice.urgent_us = now;
        if (s->flood->bulk_number != NULL && strcmp(n->number, s->flood->bulk_number) == 0 &&
            s->notice.bulk_us == 0)
            s->notice.bulk_us = now;
    }
}

static bool fetch(struct subscriber *s, uint32_t wait_ms, bool from_head)
{
    Ismap__Liu__V1__FetchEvents m = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
    char id[32];
    (void)snprintf(id, sizeof id, "fetch-%llx", (unsigned long long)clock_mono_us());
    m.epoch = s->epoch;
    m.after_seq = s->after;
    m.wait_ms = wait_ms;
    if (!lane_send(&s->lane, id, &m.base, false, 2000))
        return false;
    const Ismap__Liu__V1__Reply *r = lane_recv(&s->lane, wait_ms + 2000);
    ProtobufCMessage *ev;
    if (r == NULL || r->status != ISMAP__LIU__V1__STATUS__STATUS_OK ||
        wire_unpack(&s->lane.cli.arena, &ismap__liu__v1__events__descriptor, r->payload.data,
                    r->payload.len, &ev) != ERR_OK)
        return false;
    take_events(s, (const void *)ev);
    return !from_head || s->after >= ((const Ismap__Liu__V1__Events *)ev)->head_seq;
}

static void *subscribe(void *arg)
{
    struct subscriber *s = arg;
    while (!s->flood->stop && !fetch(s, 0, true)) {
        /* to the head first: old notices are not counted */
    }
    s->notice = (struct notice){0};
    s->listening = true;
    while (!s->flood->stop)
        (void)fetch(s, 1000, false);
    return NULL;
}

/* ---- alerts */

static void alert_fill(Ismap__Liu__V1__Alert *x, Ismap__Liu__V1__ServiceRef *ref,
                       Ismap__Liu__V1__CiaEffect *cia, const char *number, bool critical)
{
    ismap__liu__v1__alert__init(x);
    ismap__liu__v1__service_ref__init(ref);
    ismap__liu__v1__cia_effect__init(cia);
    Ismap__Liu__V1__EffectLevel level = critical
                                            ? ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_GRAVE
                                            : ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_LIMITED;
    cia->confidentiality = critical ? level : ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_NONE;
    cia->integrity = ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_NONE;
    cia->availability = level;
    ref->number = (char *)(uintptr_t)number;
    x->observed_at_ms = clock_wall_ms();
    x->service = ref;
    x->actual = cia;
    x->potential = cia;
    x->data_class = 2;
    x->agencies = critical ? 5 : 1;
    x->base_involved = critical;
    x->summary = (char *)(uintptr_t)(critical ? "data of several agencies readable by strangers"
                                              : "slow responses seen by a probe");
}

static int verdict_of(struct lane *l, const Ismap__Liu__V1__Reply *r, uint64_t seq)
{
    ProtobufCMessage *m;
    if (wire_unpack(&l->cli.arena, &ismap__liu__v1__alerts_taken__descriptor, r->payload.data,
                    r->payload.len, &m) != ERR_OK)
        return 0;
    const Ismap__Liu__V1__AlertsTaken *t = (const void *)m;
    for (size_t i = 0; i < t->n_outcomes; i++)
        if (t->outcomes[i]->seq == seq)
            return (int)t->outcomes[i]->verdict;
    return (int)ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_COUNTED;
}

static void *push_urgent(void *arg)
{
    struct flood *f = arg;
    struct lane l;
    Ismap__Liu__V1__Alert x;
    Ismap__Liu__V1__Alert *list[] = {&x};
    Ismap__Liu__V1__ServiceRef ref;
    Ismap__Liu__V1__CiaEffect cia;
    if (lane_open(&l, f->cli, f->feed, CLI_URGENT) != CLI_OK) {
        f->status = CLI_USAGE;
        lane_close(&l);
        return NULL;
    }
    while (!f->half && !f->stop)
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    Ismap__Liu__V1__PushAlerts m = ISMAP__LIU__V1__PUSH_ALERTS__INIT;
    alert_fill(&x, &ref, &cia, f->urgent_number, true);
    x.alert_id = (char *)(uintptr_t) "urgent-1";
    m.epoch = f->epoch;
    m.lane = ISMAP__LIU__V1__LANE__LANE_URGENT;
    m.first_seq = 1;
    m.alerts = list;
    m.n_alerts = 1;
    f->urgent_pushed_us = clock_mono_us();
    const Ismap__Liu__V1__Reply *r = NULL;
    for (int i = 0; i < 100 && (r == NULL || r->status != ISMAP__LIU__V1__STATUS__STATUS_OK); i++) {
        char id[48];
        (void)snprintf(id, sizeof id, "urgent-%llx-%d", (unsigned long long)f->epoch, i);
        if (lane_send(&l, id, &m.base, false, 2000))
            r = lane_recv(&l, 2000);
    }
    f->urgent_durable_us = clock_mono_us();
    if (r == NULL || r->status != ISMAP__LIU__V1__STATUS__STATUS_OK)
        f->status = CLI_TEMPORARY;
    else
        f->urgent_verdict = verdict_of(&l, r, 1);
    lane_close(&l);
    return NULL;
}

struct bulk {
    struct flood *flood;
    struct lane lane;
    uint64_t next;     /* first number of the next message */
    uint64_t acked;    /* everything below is taken */
    uint64_t critical; /* its number */
    uint64_t open;
    bool going_back;
    int64_t pause_ms; /* the store asked for it */
    int64_t sent_us[WINDOW_MAX * 2];
    uint64_t sent_bytes[WINDOW_MAX * 2];
    Ismap__Liu__V1__Alert *alerts;
    Ismap__Liu__V1__Alert **list;
    Ismap__Liu__V1__ServiceRef refs[2];
    Ismap__Liu__V1__CiaEffect cias[2];
    char (*ids)[24];
};

static void bulk_send(struct bulk *b)
{
    struct flood *f = b->flood;
    uint64_t left = f->alerts + 1 - b->next;
    uint64_t n = left < f->batch ? left : f->batch;
    Ismap__Liu__V1__PushAlerts m = ISMAP__LIU__V1__PUSH_ALERTS__INIT;
    for (uint64_t i = 0; i < n; i++) {
        bool critical = f->bulk_number != NULL && b->next + i == b->critical;
        alert_fill(&b->alerts[i], &b->refs[critical], &b->cias[critical],
                   critical ? f->bulk_number : "", critical);
        if (!critical)
            b->refs[0].domain = (char *)(uintptr_t) "status.monitoring.example";
        (void)snprintf(b->ids[i], sizeof b->ids[i], "low-%" PRIu64, b->next + i);
        b->alerts[i].alert_id = b->ids[i];
        b->list[i] = &b->alerts[i];
    }
    m.epoch = f->epoch;
    m.lane = ISMAP__LIU__V1__LANE__LANE_BULK;
    m.first_seq = b->next;
    m.alerts = b->list;
    m.n_alerts = n;
    char id[64];
    (void)snprintf(id, sizeof id, "bulk-%" PRIu64 "-%" PRIu64 "-%" PRIu64, b->next, n, f->messages);
    int64_t now = clock_mono_us();
    if (!lane_send(&b->lane, id, &m.base, false, 2000))
        return;
    if (b->critical >= b->next && b->critical < b->next + n && f->bulk_pushed_us == 0)
        f->bulk_pushed_us = now;
    b->sent_us[f->messages % (WINDOW_MAX * 2)] = now;
    b->sent_bytes[f->messages % (WINDOW_MAX * 2)] =
        ismap__liu__v1__push_alerts__get_packed_size(&m);
    f->messages++;
    b->next += n;
    b->open++;
}

/* What bulk_send made the request id of. */
static bool bulk_id(const char *id, uint64_t *first, uint64_t *n, uint64_t *k)
{
    char part[3][24];
    return sscanf(id, "bulk-%23[0-9]-%23[0-9]-%23[0-9]", part[0], part[1], part[2]) == 3 &&
           text_u64(part[0], UINT64_MAX, first) == ERR_OK &&
           text_u64(part[1], UINT64_MAX, n) == ERR_OK && text_u64(part[2], UINT64_MAX, k) == ERR_OK;
}

static void bulk_reply(struct bulk *b, const Ismap__Liu__V1__Reply *r)
{
    struct flood *f = b->flood;
    uint64_t first, n, k;
    b->open--;
    if (!bulk_id(r->request_id, &first, &n, &k))
        return;
    if (r->status != ISMAP__LIU__V1__STATUS__STATUS_OK) {
        f->refused++;
        b->going_back = true;
        b->pause_ms = (int64_t)r->retry_after_ms;
        return;
    }
    samples_add(&f->ack, clock_mono_us() - b->sent_us[k % (WINDOW_MAX * 2)]);
    if (first + n > b->acked) {
        b->acked = first + n;
        f->bytes_taken += b->sent_bytes[k % (WINDOW_MAX * 2)];
    }
    if (b->critical >= first && b->critical < first + n && f->bulk_durable_us == 0) {
        f->bulk_durable_us = clock_mono_us();
        f->bulk_verdict = verdict_of(&b->lane, r, b->critical);
    }
    if (b->acked > f->alerts / 2)
        f->half = true;
}

static void bulk_run(struct bulk *b)
{
    struct flood *f = b->flood;
    b->next = b->acked = 1;
    b->critical = f->bulk_number == NULL ? 0 : f->alerts / 3;
    f->began_us = clock_mono_us();
    int64_t give_up = f->began_us + (int64_t)f->seconds * 1000000;
    while (b->acked <= f->alerts && (f->bytes == 0 || f->bytes_taken < f->bytes) &&
           clock_mono_us() < give_up) {
        while (!b->going_back && b->open < f->window && b->next <= f->alerts)
            bulk_send(b);
        const Ismap__Liu__V1__Reply *r = lane_recv(&b->lane, 2000);
        if (r != NULL)
            bulk_reply(b, r);
        if (r == NULL) /* lost: ask again from what is known to be taken */
            b->open = 0;
        if ((b->going_back || r == NULL) && b->open == 0) {
            b->next = b->acked;
            b->going_back = false;
            (void)nanosleep(&(struct timespec){.tv_sec = b->pause_ms / 1000,
                                               .tv_nsec = b->pause_ms % 1000 * 1000000},
                            NULL);
            b->pause_ms = 0;
        }
    }
    f->ended_us = clock_mono_us();
    f->taken = b->acked - 1;
    f->half = true;
}

static int push_bulk(struct flood *f)
{
    struct bulk b = {.flood = f};
    b.alerts = calloc(f->batch, sizeof *b.alerts);
    b.list = calloc(f->batch, sizeof *b.list);
    b.ids = calloc(f->batch, sizeof *b.ids);
    int status = b.alerts == NULL || b.list == NULL || b.ids == NULL
                     ? CLI_TEMPORARY
                     : lane_open(&b.lane, f->cli, f->feed, CLI_BULK);
    if (status == CLI_OK)
        bulk_run(&b);
    lane_close(&b.lane);
    free(b.alerts);
    free(b.list);
    free(b.ids);
    return status;
}

/* ---- the whole */

static json_t *time_of(int64_t from, int64_t to)
{
    return from > 0 && to > 0 ? json_integer(to - from) : json_null();
}

static const char *verdict_word(int v)
{
    return cli_enum_name(&ismap__liu__v1__alert_verdict__descriptor, v);
}

static json_t *critical_json(int verdict, int64_t pushed, int64_t durable)
{
    json_t *j = json_object();
    (void)json_object_set_new(j, "verdict", json_string(verdict_word(verdict)));
    (void)json_object_set_new(j, "durableUs", time_of(pushed, durable));
    (void)json_object_set_new(j, "noticeUs", json_object());
    return j;
}

static json_t *report_of(struct flood *f, struct subscriber *subs, size_t n,
                         const struct cpu_watch *cpu)
{
    json_t *j = json_object();
    double seconds = (double)(f->ended_us - f->began_us) / 1e6;
    (void)json_object_set_new(j, "alertsTaken", json_integer((json_int_t)f->taken));
    (void)json_object_set_new(j, "alertBytesTaken", json_integer((json_int_t)f->bytes_taken));
    (void)json_object_set_new(j, "messages", json_integer((json_int_t)f->messages));
    (void)json_object_set_new(j, "refusedMessages", json_integer((json_int_t)f->refused));
    (void)json_object_set_new(j, "seconds", json_real(seconds));
    (void)json_object_set_new(j, "alertsPerSecond", json_real((double)f->taken / seconds));
    (void)json_object_set_new(j, "acknowledgement", samples_json(&f->ack));
    (void)json_object_set_new(j, "cpuUsPerAlert", cpu_watch_end(cpu, f->taken));
    json_t *urgent = critical_json(f->urgent_verdict, f->urgent_pushed_us, f->urgent_durable_us);
    json_t *bulk = critical_json(f->bulk_verdict, f->bulk_pushed_us, f->bulk_durable_us);
    for (size_t i = 0; i < n; i++) {
        (void)json_object_set_new(json_object_get(urgent, "noticeUs"), subs[i].identity,
                                  time_of(f->urgent_pushed_us, subs[i].notice.urgent_us));
        (void)json_object_set_new(json_object_get(bulk, "noticeUs"), subs[i].identity,
                                  time_of(f->bulk_pushed_us, subs[i].notice.bulk_us));
    }
    (void)json_object_set_new(j, "urgentLane", urgent);
    (void)json_object_set_new(j, "insideBulk", bulk);
    return j;
}

static bool all_told(const struct flood *f, const struct subscriber *subs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((f->urgent_number != NULL && subs[i].notice.urgent_us == 0) ||
            (f->bulk_number != NULL && subs[i].notice.bulk_us == 0))
            return false;
    return true;
}

static bool wait_until_listening(const struct subscriber *subs, size_t n)
{
    int64_t until = clock_mono_ms() + 10000;
    for (size_t i = 0; i < n; i++)
        while (!subs[i].listening) {
            if (clock_mono_ms() > until)
                return false;
            (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        }
    return true;
}

static int flood_run(struct flood *f, struct subscriber *subs, size_t n)
{
    pthread_t urgent;
    bool has_urgent = f->urgent_number != NULL;
    if (!wait_until_listening(subs, n))
        return cli_fail(f->cli, CLI_TEMPORARY, "the subscribers cannot follow their events");
    if (has_urgent && pthread_create(&urgent, NULL, push_urgent, f) != 0)
        return cli_fail(f->cli, CLI_TEMPORARY, "no thread");
    int status = push_bulk(f);
    if (status != CLI_OK)
        f->stop = true;
    if (has_urgent)
        (void)pthread_join(urgent, NULL);
    int64_t until = clock_mono_ms() + (int64_t)f->wait_ms;
    while (!all_told(f, subs, n) && clock_mono_ms() < until)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return status == CLI_OK ? f->status : status;
}

/* A thread for each of the names, which are split in place; *n tells how many run, also on failure.
 */
static int subscribers_start(struct flood *f, struct subscriber *subs, char *names, size_t *n)
{
    int status = CLI_OK;
    char *save = NULL;
    char *t = names == NULL ? NULL : strtok_r(names, ",", &save);
    while (t != NULL && *n < SUBSCRIBERS_MAX && status == CLI_OK) {
        struct subscriber *s = &subs[*n];
        s->flood = f;
        s->identity = t;
        status = lane_open(&s->lane, f->cli, t, CLI_MONITOR);
        if (status == CLI_OK && pthread_create(&s->thread, NULL, subscribe, s) == 0)
            ++*n;
        t = strtok_r(NULL, ",", &save);
    }
    return status;
}

int drive_flood(struct cli *c, struct cli_args *a)
{
    struct flood f = {.cli = c, .epoch = (uint64_t)clock_wall_ms()};
    struct cpu_watch cpu;
    const char *out = cli_option(a, "--out");
    char *names = (char *)(uintptr_t)cli_option(a, "--subscribers");
    const char *pids = cli_option(a, "--pids");
    f.feed = cli_option(a, "--feed");
    f.urgent_number = cli_option(a, "--urgent");
    f.bulk_number = cli_option(a, "--bulk");
    bool good = drive_number(c, a, "--alerts", 20000, 10000000000, &f.alerts) &&
                drive_number(c, a, "--bytes", 0, UINT64_MAX / 2, &f.bytes) &&
                drive_number(c, a, "--batch", 64, LIMIT_ALERTS_BULK, &f.batch) &&
                drive_number(c, a, "--window", 8, WINDOW_MAX, &f.window) &&
                drive_number(c, a, "--seconds", 120, 86400, &f.seconds) &&
                drive_number(c, a, "--wait-ms", 5000, 600000, &f.wait_ms) && cli_done(c, a);
    struct subscriber *subs = calloc(SUBSCRIBERS_MAX, sizeof *subs);
    if (subs == NULL)
        return cli_fail(c, CLI_TEMPORARY, "no memory");
    int status = good && f.feed != NULL && f.batch > 0 && f.window > 0 && f.alerts > 0 &&
                         cpu_watch_begin(&cpu, pids)
                     ? CLI_OK
                     : cli_usage(c, "give --feed, sane numbers and live --pids");
    size_t n = 0;
    if (status == CLI_OK)
        status = subscribers_start(&f, subs, names, &n);
    if (status == CLI_OK)
        status = flood_run(&f, subs, n);
    if (status == CLI_OK)
        status = drive_report(c, report_of(&f, subs, n, &cpu), out);
    f.stop = true;
    for (size_t i = 0; i < n; i++) {
        (void)pthread_join(subs[i].thread, NULL);
        lane_close(&subs[i].lane);
    }
    samples_fini(&f.ack);
    free(subs);
    return status;
}
