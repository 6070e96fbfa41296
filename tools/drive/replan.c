/* All services planned again: puts another catalogue in force (or takes the run that is under way),
 * and asks for plans at a fixed rate until the run has ended. Written down: how long it took, how
 * far it was when, and how long the queries waited meanwhile. With --queries N so many are asked
 * and nothing else happens: what to compare with.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "drive/drive.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "wire/unpack.h"

#define TEXT(s) ((char *)(uintptr_t)(s))
#define LOOK_MS 100
#define ANSWER_MS 1000 /* then the query counts as unanswered and the next one is sent */
#define LINE_BYTES 80

struct replan {
    struct cli *cli;
    struct lane progress;
    struct lane query;
    char (*cases)[LINE_BYTES];
    size_t n_cases;
    uint64_t asked;
    uint64_t to_ask; /* 0 = until the run has ended */
    uint64_t unanswered;
    uint64_t refused;
    uint64_t run;
    uint64_t services;
    uint64_t not_planned;
    bool ended;
    json_t *curve;
    struct samples samples;
};

static const Ismap__Liu__V1__Reply *ask(struct lane *l, const char *prefix, uint64_t run,
                                        const ProtobufCMessage *m, bool sign, int64_t wait_ms)
{
    char id[64];
    (void)snprintf(id, sizeof id, "%s-%llx-%llu", prefix, (unsigned long long)run,
                   (unsigned long long)clock_mono_us());
    if (!lane_send(l, id, m, sign, wait_ms))
        return NULL;
    for (int64_t until = clock_mono_ms() + wait_ms, left = wait_ms; left > 0;
         left = until - clock_mono_ms()) {
        const Ismap__Liu__V1__Reply *r = lane_recv(l, left);
        if (r != NULL && strcmp(r->request_id, id) == 0)
            return r; /* one that was given up may still come before it */
    }
    return NULL;
}

static int activate(struct replan *x, const char *operator_id, const char *version)
{
    Ismap__Liu__V1__ActivateCatalogue m = ISMAP__LIU__V1__ACTIVATE_CATALOGUE__INIT;
    struct lane l;
    m.version = TEXT(version);
    m.reason = TEXT("measurement");
    int status = lane_open(&l, x->cli, operator_id, CLI_AUDIT);
    const Ismap__Liu__V1__Reply *r =
        status == CLI_OK ? ask(&l, "activate", x->run, &m.base, true, 10000) : NULL;
    if (status == CLI_OK && (r == NULL || r->status != ISMAP__LIU__V1__STATUS__STATUS_OK)) {
        if (r != NULL)
            cli_print_refusal(x->cli, r);
        status = cli_fail(x->cli, CLI_TEMPORARY, "the catalogue was not put in force");
    }
    lane_close(&l);
    return status;
}

/* Without an answer the service is away: looked for again soon. */
static void look(struct replan *x, int64_t start_us)
{
    Ismap__Liu__V1__GetReplanRun m = ISMAP__LIU__V1__GET_REPLAN_RUN__INIT;
    const Ismap__Liu__V1__Reply *r = ask(&x->progress, "progress", x->run, &m.base, false, 200);
    ProtobufCMessage *answer = NULL;
    if (r == NULL || r->status != ISMAP__LIU__V1__STATUS__STATUS_OK ||
        wire_unpack(&x->progress.cli.arena, &ismap__liu__v1__replan_progress__descriptor,
                    r->payload.data, r->payload.len, &answer) != ERR_OK)
        return;
    const Ismap__Liu__V1__ReplanProgress *p = (const void *)answer;
    x->services = p->total;
    x->not_planned = p->refused;
    x->ended = p->run != NULL && p->run->finished_at_ms != 0;
    (void)json_array_append_new(
        x->curve, json_pack("[I, I]", (json_int_t)((clock_mono_us() - start_us) / 1000),
                            (json_int_t)p->done));
}

static void query(struct replan *x, int64_t due_us)
{
    Ismap__Liu__V1__GetPlan m = ISMAP__LIU__V1__GET_PLAN__INIT;
    /* a stride, so that cases planned long ago and soon come in turn */
    m.case_id = x->cases[x->asked++ * 7919u % x->n_cases];
    const Ismap__Liu__V1__Reply *r = ask(&x->query, "plan", x->run, &m.base, false, ANSWER_MS);
    if (r == NULL)
        x->unanswered++;
    else if (r->status != ISMAP__LIU__V1__STATUS__STATUS_OK)
        x->refused++;
    else
        samples_add(&x->samples, clock_mono_us() - due_us);
}

static void follow(struct replan *x, int64_t start_us, int64_t every_us, int64_t end_us)
{
    int64_t due = start_us;
    int64_t look_at = start_us;
    while (x->to_ask == 0 ? !x->ended && clock_mono_us() < end_us : x->asked < x->to_ask) {
        int64_t now = clock_mono_us();
        if (x->to_ask == 0 && now >= look_at) {
            look(x, start_us);
            look_at = now + LOOK_MS * 1000;
        }
        now = clock_mono_us();
        if (due > now)
            (void)nanosleep(&(struct timespec){.tv_sec = (due - now) / 1000000,
                                               .tv_nsec = (due - now) % 1000000 * 1000},
                            NULL);
        query(x, due);
        due += every_us;
        now = clock_mono_us();
        if (due < now - ANSWER_MS * 1000)
            due = now; /* after an outage: it counts once, as unanswered */
    }
}

static int read_cases(struct replan *x, const char *path)
{
    FILE *f = fopen(path, "re");
    size_t cap = 0;
    char line[LINE_BYTES];
    if (f == NULL)
        return cli_fail(x->cli, CLI_USAGE, "%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, f) != NULL) {
        if (x->n_cases == cap) {
            cap = cap == 0 ? 1024 : cap * 2;
            void *more = realloc(x->cases, cap * sizeof *x->cases);
            if (more == NULL)
                break;
            x->cases = more;
        }
        line[strcspn(line, "\n")] = '\0';
        memcpy(x->cases[x->n_cases++], line, sizeof line);
    }
    (void)fclose(f);
    return x->n_cases > 0 ? CLI_OK : cli_fail(x->cli, CLI_INPUT, "%s: no cases", path);
}

static json_t *report(struct replan *x, double seconds)
{
    json_t *j = json_object();
    (void)json_object_set_new(
        j, "what",
        json_string("another catalogue in force until the last service is planned again; a plan "
                    "asked for at a fixed rate meanwhile"));
    (void)json_object_set_new(j, "services", json_integer((json_int_t)x->services));
    (void)json_object_set_new(j, "notPlanned", json_integer((json_int_t)x->not_planned));
    (void)json_object_set_new(j, "seconds", json_real(seconds));
    (void)json_object_set_new(j, "servicesPerSecond", json_real((double)x->services / seconds));
    (void)json_object_set_new(j, "queries", json_integer((json_int_t)x->asked));
    (void)json_object_set_new(j, "queriesRefused", json_integer((json_int_t)x->refused));
    (void)json_object_set_new(j, "queriesUnanswered", json_integer((json_int_t)x->unanswered));
    (void)json_object_set_new(j, "latency", samples_json(&x->samples));
    (void)json_object_set(j, "progressMs", x->curve);
    return j;
}

int drive_replan(struct cli *c, struct cli_args *a)
{
    struct replan x = {.cli = c, .run = (uint64_t)clock_wall_ms(), .curve = json_array()};
    const char *cases = cli_option(a, "--cases");
    const char *as = cli_option(a, "--as-list");
    const char *operator_id = cli_option(a, "--operator");
    const char *version = cli_option(a, "--catalogue");
    const char *pids = cli_option(a, "--pids");
    const char *out = cli_option(a, "--out");
    uint64_t per_second, seconds;
    struct cpu_watch cpu;
    if (!drive_number(c, a, "--rate", 100, 10000, &per_second) ||
        !drive_number(c, a, "--seconds", 600, 86400, &seconds) ||
        !drive_number(c, a, "--queries", 0, 1000000, &x.to_ask) || !cli_done(c, a))
        return CLI_USAGE;
    if (cases == NULL || as == NULL || (version != NULL && operator_id == NULL) ||
        per_second == 0 || !cpu_watch_begin(&cpu, pids))
        return cli_usage(
            c, "give --cases FILE, --as-list ID, live --pids, --operator with --catalogue");
    int status = read_cases(&x, cases);
    if (status == CLI_OK)
        status = lane_open(&x.progress, c, as, CLI_AUDIT);
    if (status == CLI_OK)
        status = lane_open(&x.query, c, as, CLI_AUDIT);
    int64_t start = clock_mono_us();
    if (status == CLI_OK && version != NULL)
        status = activate(&x, operator_id, version);
    if (status == CLI_OK) {
        follow(&x, start, 1000000 / (int64_t)per_second, start + (int64_t)seconds * 1000000);
        json_t *j = report(&x, (double)(clock_mono_us() - start) / 1e6);
        (void)json_object_set_new(j, "cpuUsPerService", cpu_watch_end(&cpu, x.services));
        status = drive_report(c, j, out);
    }
    if (status == CLI_OK && x.to_ask == 0 && !x.ended)
        status = cli_fail(c, CLI_TEMPORARY, "the run has not ended");
    lane_close(&x.progress);
    lane_close(&x.query);
    samples_fini(&x.samples);
    json_decref(x.curve);
    free(x.cases);
    return status;
}
