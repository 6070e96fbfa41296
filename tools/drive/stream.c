/* A stream of pre-applications for drills: every message is sent again under its id until it is
 * acknowledged, and each receipt is logged. What the log says must be in the journal, once.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "drive/drive.h"
#include "ismap/liu/v1/case.pb-c.h"

#define LANES_MAX 8
#define WINDOW 64
#define AGAIN_MS 1000

struct slot {
    uint64_t k;
    int64_t again_ms;
    bool open;
};

struct stream {
    struct lane lane;
    pthread_t thread;
    const char *identity;
    unsigned index;
    uint64_t run;
    uint64_t count; /* 0 = until the time is up */
    double rate;
    int64_t start_ms;
    int64_t end_ms;
    int64_t give_up_ms;
    FILE *log;
    pthread_mutex_t *log_lock;
    uint64_t next;
    uint64_t acked;
    uint64_t resent;
    uint64_t refused;
    uint64_t duplicates;
    struct slot slots[WINDOW];
};

static void send_one(struct stream *s, struct slot *x)
{
    static char ministry[] = "moj";
    char *asked[] = {ministry};
    Ismap__Liu__V1__SubmitPreApplication m = ISMAP__LIU__V1__SUBMIT_PRE_APPLICATION__INIT;
    Ismap__Liu__V1__ServiceDescription service = ISMAP__LIU__V1__SERVICE_DESCRIPTION__INIT;
    Ismap__Liu__V1__BusinessClaim claim = ISMAP__LIU__V1__BUSINESS_CLAIM__INIT;
    char id[64];
    char name[64];
    (void)snprintf(id, sizeof id, "drill-%llx-%u-%llu", (unsigned long long)s->run, s->index,
                   (unsigned long long)x->k);
    (void)snprintf(name, sizeof name, "Drill Service %u-%llu", s->index, (unsigned long long)x->k);
    service.name = name;
    service.model = ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_SAAS;
    service.function_used = (char *)(uintptr_t) "a drill";
    service.confidentiality_class = 2;
    claim.description = (char *)(uintptr_t) "a drill of crashes";
    m.service = &service;
    m.business = &claim;
    m.asked_ministries = asked;
    m.n_asked_ministries = 1;
    m.gbiz_id = (char *)(uintptr_t) "1234567890123";
    m.contact = (char *)(uintptr_t) "drill@provider.example";
    (void)lane_send(&s->lane, id, &m.base, false, 100); /* not taken now: sent again soon */
    x->again_ms = clock_mono_ms() + AGAIN_MS;
}

static struct slot *slot_of(struct stream *s, const char *request_id)
{
    const char *dash = strrchr(request_id, '-');
    uint64_t k;
    if (dash == NULL || text_u64(dash + 1, UINT64_MAX, &k) != ERR_OK)
        return NULL;
    struct slot *x = &s->slots[k % WINDOW];
    return x->open && x->k == k ? x : NULL;
}

static bool retryable(Ismap__Liu__V1__Status st)
{
    return st == ISMAP__LIU__V1__STATUS__STATUS_UNAVAILABLE ||
           st == ISMAP__LIU__V1__STATUS__STATUS_ABORTED ||
           st == ISMAP__LIU__V1__STATUS__STATUS_RESOURCE_EXHAUSTED;
}

static void take(struct stream *s, const Ismap__Liu__V1__Reply *r)
{
    struct slot *x = slot_of(s, r->request_id);
    if (x == NULL)
        return; /* an answer to an earlier copy */
    if (retryable(r->status)) {
        x->again_ms = clock_mono_ms() + (r->retry_after_ms == 0 ? 100 : (int64_t)r->retry_after_ms);
        return;
    }
    x->open = false;
    if (r->status != ISMAP__LIU__V1__STATUS__STATUS_OK || r->receipt == NULL) {
        s->refused++;
        return;
    }
    char hash[65] = "";
    if (r->receipt->request_hash.len == 32)
        text_hex(r->receipt->request_hash.data, 32, hash);
    s->acked++;
    s->duplicates += r->receipt->duplicate ? 1 : 0;
    (void)pthread_mutex_lock(s->log_lock);
    (void)fprintf(s->log, "%s %s %s %llu %s\n", s->identity, r->request_id, r->receipt->epoch,
                  (unsigned long long)r->receipt->seq, hash);
    (void)fflush(s->log);
    (void)pthread_mutex_unlock(s->log_lock);
}

static bool wants_more(const struct stream *s, int64_t now)
{
    if (s->count > 0 && s->next >= s->count)
        return false;
    if (now >= s->end_ms)
        return false;
    return s->rate <= 0 || (double)s->next < (double)(now - s->start_ms) * s->rate / 1000.0;
}

static bool finished(const struct stream *s, int64_t now)
{
    for (size_t i = 0; i < WINDOW; i++)
        if (s->slots[i].open)
            return false;
    return now >= s->end_ms || (s->count > 0 && s->next >= s->count);
}

static void *run(void *arg)
{
    struct stream *s = arg;
    for (int64_t now = clock_mono_ms(); now < s->give_up_ms && !finished(s, now);
         now = clock_mono_ms()) {
        struct slot *x = &s->slots[s->next % WINDOW];
        if (!x->open && wants_more(s, now)) {
            *x = (struct slot){.k = s->next++, .open = true};
            send_one(s, x);
        }
        for (size_t i = 0; i < WINDOW; i++) {
            if (s->slots[i].open && now >= s->slots[i].again_ms) {
                s->resent++;
                send_one(s, &s->slots[i]);
            }
        }
        const Ismap__Liu__V1__Reply *r =
            lane_recv(&s->lane, s->slots[s->next % WINDOW].open || !wants_more(s, now) ? 5 : 0);
        for (int i = 0; r != NULL && i < WINDOW; i++) {
            take(s, r);
            r = lane_recv(&s->lane, 0);
        }
    }
    return NULL;
}

static json_t *report_of(const struct stream *lanes, size_t n)
{
    uint64_t sent = 0, acked = 0, resent = 0, refused = 0, duplicates = 0;
    for (size_t i = 0; i < n; i++) {
        sent += lanes[i].next;
        acked += lanes[i].acked;
        resent += lanes[i].resent;
        refused += lanes[i].refused;
        duplicates += lanes[i].duplicates;
    }
    json_t *j = json_object();
    (void)json_object_set_new(j, "sent", json_integer((json_int_t)sent));
    (void)json_object_set_new(j, "acknowledged", json_integer((json_int_t)acked));
    (void)json_object_set_new(j, "sentAgain", json_integer((json_int_t)resent));
    (void)json_object_set_new(j, "answeredAsDuplicate", json_integer((json_int_t)duplicates));
    (void)json_object_set_new(j, "refused", json_integer((json_int_t)refused));
    (void)json_object_set_new(j, "unanswered", json_integer((json_int_t)(sent - acked - refused)));
    return j;
}

static int stream_run(struct cli *c, struct stream *lanes, size_t n, const char *out)
{
    size_t running = 0;
    int status = CLI_OK;
    for (; running < n && status == CLI_OK; running++)
        if (pthread_create(&lanes[running].thread, NULL, run, &lanes[running]) != 0)
            status = cli_fail(c, CLI_TEMPORARY, "no thread");
    for (size_t i = 0; i < running; i++)
        (void)pthread_join(lanes[i].thread, NULL);
    return status == CLI_OK ? drive_report(c, report_of(lanes, n), out) : status;
}

int drive_stream(struct cli *c, struct cli_args *a)
{
    uint64_t count, rate, seconds, patience;
    const char *out = cli_option(a, "--out");
    char *names = (char *)(uintptr_t)cli_option(a, "--as-list");
    const char *path = cli_option(a, "--receipts");
    if (!drive_number(c, a, "--count", 0, 100000000, &count) ||
        !drive_number(c, a, "--rate", 200, 1000000, &rate) ||
        !drive_number(c, a, "--seconds", 10, 86400, &seconds) ||
        !drive_number(c, a, "--patience-s", 60, 3600, &patience) || !cli_done(c, a))
        return CLI_USAGE;
    if (names == NULL || path == NULL)
        return cli_usage(c, "give --as-list with identities of providers and --receipts FILE");
    FILE *log = fopen(path, "we");
    if (log == NULL)
        return cli_fail(c, CLI_USAGE, "%s: %s", path, strerror(errno));
    struct stream *lanes = calloc(LANES_MAX, sizeof *lanes);
    if (lanes == NULL) {
        (void)fclose(log);
        return cli_fail(c, CLI_TEMPORARY, "no memory");
    }
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    size_t n = 0;
    int64_t start = clock_mono_ms();
    int status = CLI_OK;
    for (char *save = NULL, *t = strtok_r(names, ",", &save);
         t != NULL && n < LANES_MAX && status == CLI_OK; t = strtok_r(NULL, ",", &save)) {
        struct stream *s = &lanes[n];
        *s = (struct stream){.identity = t,
                             .index = (unsigned)n,
                             .run = (uint64_t)clock_wall_ms(),
                             .count = count,
                             .rate = (double)rate,
                             .start_ms = start,
                             .end_ms = start + (int64_t)seconds * 1000,
                             .give_up_ms = start + (int64_t)(seconds + patience) * 1000,
                             .log = log,
                             .log_lock = &lock};
        status = lane_open(&s->lane, c, t, CLI_INTAKE);
        n++;
    }
    if (status == CLI_OK)
        status = stream_run(c, lanes, n, out);
    for (size_t i = 0; i < n; i++)
        lane_close(&lanes[i].lane);
    if (fclose(log) != 0)
        status = cli_fail(c, CLI_USAGE, "%s: %s", path, strerror(errno));
    free(lanes);
    return status;
}
