/* Critical alerts one by one in the urgent lane, each suspending another registration: how long
 * from push to the durable suspension? With --pause-pid they are measured in phases in turn, while
 * that process runs and while it is stopped: what it costs them shows even on a busy machine.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "drive/drive.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "wire/unpack.h"

#define SETTLE_MS 50 /* what it missed while it was stopped is no work of its own */

#define TEXT(s) ((char *)(uintptr_t)(s))

struct critical {
    struct lane lane;
    uint64_t epoch;
    uint64_t seq;
    uint64_t suspended;
    uint64_t other;
    struct samples samples;
    struct samples paused; /* while the other process was stopped */
    uint64_t pid;          /* the other process; 0 = none */
    uint64_t phase;        /* alerts in a phase */
    uint64_t done;
    bool is_paused;
};

/* The next phase begins: the other process goes on, or stops. The first phase is with it stopped.
 */
static void turn(struct critical *x)
{
    if (x->pid == 0 || x->done++ % x->phase != 0)
        return;
    x->is_paused = !x->is_paused;
    (void)kill((pid_t)x->pid, x->is_paused ? SIGSTOP : SIGCONT);
    (void)nanosleep(&(struct timespec){.tv_nsec = SETTLE_MS * 1000000L}, NULL);
}

static bool push(struct critical *x, const char *number)
{
    Ismap__Liu__V1__PushAlerts m = ISMAP__LIU__V1__PUSH_ALERTS__INIT;
    Ismap__Liu__V1__Alert a = ISMAP__LIU__V1__ALERT__INIT;
    Ismap__Liu__V1__Alert *list[] = {&a};
    Ismap__Liu__V1__ServiceRef ref = ISMAP__LIU__V1__SERVICE_REF__INIT;
    Ismap__Liu__V1__CiaEffect cia = ISMAP__LIU__V1__CIA_EFFECT__INIT;
    char id[64];
    cia.confidentiality = cia.integrity = cia.availability =
        ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_GRAVE;
    ref.number = TEXT(number);
    (void)snprintf(id, sizeof id, "critical-%llx-%llu", (unsigned long long)x->epoch,
                   (unsigned long long)x->seq);
    a.alert_id = id;
    a.observed_at_ms = clock_wall_ms();
    a.service = &ref;
    a.actual = a.potential = &cia;
    a.data_class = 2;
    a.agencies = 5;
    a.base_involved = true;
    a.summary = TEXT("measured");
    m.epoch = x->epoch;
    m.lane = ISMAP__LIU__V1__LANE__LANE_URGENT;
    m.first_seq = x->seq;
    m.alerts = list;
    m.n_alerts = 1;
    int64_t began = clock_mono_us();
    const Ismap__Liu__V1__Reply *r =
        lane_send(&x->lane, id, &m.base, false, 5000) ? lane_recv(&x->lane, 5000) : NULL;
    int64_t took = clock_mono_us() - began;
    ProtobufCMessage *t;
    if (r == NULL || r->status != ISMAP__LIU__V1__STATUS__STATUS_OK ||
        wire_unpack(&x->lane.cli.arena, &ismap__liu__v1__alerts_taken__descriptor, r->payload.data,
                    r->payload.len, &t) != ERR_OK) {
        if (r != NULL)
            cli_print_refusal(&x->lane.cli, r);
        return false;
    }
    const Ismap__Liu__V1__AlertsTaken *taken = (const void *)t;
    x->seq++;
    if (taken->n_outcomes == 1 &&
        taken->outcomes[0]->verdict == ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_SUSPENDED) {
        x->suspended++;
        samples_add(x->is_paused ? &x->paused : &x->samples, took);
    } else {
        x->other++;
    }
    return true;
}

int drive_critical(struct cli *c, struct cli_args *a)
{
    struct critical x = {.epoch = (uint64_t)clock_wall_ms(), .seq = 1};
    uint64_t pause_ms;
    char line[128];
    const char *out = cli_option(a, "--out");
    const char *path = cli_option(a, "--numbers");
    const char *feed = cli_option(a, "--feed");
    uint64_t skip;
    uint64_t max;
    if (!drive_number(c, a, "--pause-ms", 10, 10000, &pause_ms) ||
        !drive_number(c, a, "--skip", 0, 1000000, &skip) ||
        !drive_number(c, a, "--count", 1000000, 1000000, &max) ||
        !drive_number(c, a, "--pause-pid", 0, INT32_MAX, &x.pid) ||
        !drive_number(c, a, "--phase", 20, 1000000, &x.phase) || !cli_done(c, a))
        return CLI_USAGE;
    if (x.phase == 0)
        return cli_usage(c, "--phase: at least one alert");
    FILE *f = path == NULL ? NULL : fopen(path, "re");
    if (f == NULL || feed == NULL) {
        if (f != NULL)
            (void)fclose(f);
        return cli_usage(c, "give --feed ID and --numbers FILE");
    }
    int status = lane_open(&x.lane, c, feed, CLI_URGENT);
    for (uint64_t k = 0; status == CLI_OK && k < skip + max && fgets(line, sizeof line, f) != NULL;
         k++) {
        line[strcspn(line, "\n")] = '\0';
        if (k < skip)
            continue;
        turn(&x);
        (void)nanosleep(&(struct timespec){.tv_sec = (time_t)(pause_ms / 1000),
                                           .tv_nsec = (long)(pause_ms % 1000) * 1000000},
                        NULL);
        if (!push(&x, line))
            status = cli_fail(c, CLI_TEMPORARY, "%s: the alert was not taken", line);
    }
    (void)fclose(f);
    if (x.is_paused)
        (void)kill((pid_t)x.pid, SIGCONT);
    json_t *j = json_object();
    (void)json_object_set_new(
        j, "what",
        json_string("critical alert pushed to durable suspension, urgent lane, one at a time"));
    (void)json_object_set_new(j, "suspended", json_integer((json_int_t)x.suspended));
    (void)json_object_set_new(j, "otherVerdicts", json_integer((json_int_t)x.other));
    (void)json_object_set_new(j, "latency", samples_json(&x.samples));
    if (x.pid != 0)
        (void)json_object_set_new(j, "latencyPaused", samples_json(&x.paused));
    int wrote = drive_report(c, j, out);
    lane_close(&x.lane);
    samples_fini(&x.samples);
    samples_fini(&x.paused);
    return status == CLI_OK ? wrote : status;
}
