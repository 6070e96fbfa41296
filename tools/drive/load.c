/* Commits a second: pre-applications of about 308 bytes, each a durable commit.
 *
 * Open loop (--rate): message k is due at start + k / rate, and its latency counts from then.
 * Closed loop
 * (--rate 0): --window requests are open at any time.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "drive/drive.h"
#include "ismap/liu/v1/case.pb-c.h"

#define CONNECTIONS_MAX 32
#define WINDOW_MAX 512

struct load {
    struct lane lane;
    pthread_t thread;
    unsigned index;
    uint64_t run; /* part of every id: no two runs share one */
    double rate;  /* of this connection; 0 = closed */
    uint64_t window;
    int64_t start_us;
    int64_t end_us;
    uint64_t sent;
    uint64_t ok;
    uint64_t refused;
    uint64_t open;
    int64_t *due_us; /* by number modulo a power of two */
    struct samples samples;
    int last_status;
};

#define RING 65536u

static void fill(Ismap__Liu__V1__SubmitPreApplication *m, Ismap__Liu__V1__ServiceDescription *s,
                 Ismap__Liu__V1__BusinessClaim *b, Ismap__Liu__V1__QuestionAnswer *qa,
                 Ismap__Liu__V1__QuestionAnswer **list, char **asked)
{
    static const char *const questions[] = {"TB1.Q1", "TB1.Q2", "TB1.Q3", "TB1.Q4"};
    static char ministry[] = "moj";
    ismap__liu__v1__submit_pre_application__init(m);
    ismap__liu__v1__service_description__init(s);
    ismap__liu__v1__business_claim__init(b);
    s->name = (char *)(uintptr_t) "Load Meeting Service, edition for measurements";
    s->model = ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_SAAS;
    s->function_used = (char *)(uintptr_t) "web meetings and shared files of advisory councils";
    s->confidentiality_class = 2;
    b->description = (char *)(uintptr_t) "Joint drafting with experts outside government of a "
                                         "policy that will be published";
    b->target_code = (char *)(uintptr_t) "TB-1";
    for (size_t i = 0; i < 4; i++) {
        ismap__liu__v1__question_answer__init(&qa[i]);
        qa[i].question = (char *)(uintptr_t)questions[i];
        qa[i].answer =
            i == 3 ? ISMAP__LIU__V1__ANSWER__ANSWER_NO : ISMAP__LIU__V1__ANSWER__ANSWER_YES;
        list[i] = &qa[i];
    }
    b->answers = list;
    b->n_answers = 4;
    asked[0] = ministry;
    m->service = s;
    m->business = b;
    m->asked_ministries = asked;
    m->n_asked_ministries = 1;
    m->gbiz_id = (char *)(uintptr_t) "1234567890123";
    m->contact = (char *)(uintptr_t) "measurements@provider.example, room 42";
}

static void take_reply(struct load *l, const Ismap__Liu__V1__Reply *r)
{
    const char *dash = strrchr(r->request_id, '-');
    uint64_t k;
    l->open--;
    if (r->status != ISMAP__LIU__V1__STATUS__STATUS_OK) {
        l->refused++;
        l->last_status = (int)r->status;
        return;
    }
    l->ok++;
    if (dash != NULL && text_u64(dash + 1, UINT64_MAX, &k) == ERR_OK)
        samples_add(&l->samples, clock_mono_us() - l->due_us[k % RING]);
}

static int64_t due_of(const struct load *l, uint64_t k, int64_t now)
{
    return l->rate > 0 ? l->start_us + (int64_t)((double)k * 1e6 / l->rate) : now;
}

static bool send_due(struct load *l, const ProtobufCMessage *m)
{
    int64_t now = clock_mono_us();
    char id[48];
    bool sent = false;
    while (l->open < l->window && now < l->end_us) {
        int64_t due = due_of(l, l->sent, now);
        if (due > now)
            break;
        (void)snprintf(id, sizeof id, "load-%llx-%u-%llu", (unsigned long long)l->run, l->index,
                       (unsigned long long)l->sent);
        l->due_us[l->sent % RING] = due;
        if (!lane_send(&l->lane, id, m, false, 0))
            break;
        l->sent++;
        l->open++;
        sent = true;
        now = clock_mono_us();
    }
    return sent;
}

static void *run(void *arg)
{
    struct load *l = arg;
    Ismap__Liu__V1__SubmitPreApplication m;
    Ismap__Liu__V1__ServiceDescription s;
    Ismap__Liu__V1__BusinessClaim b;
    Ismap__Liu__V1__QuestionAnswer qa[4];
    Ismap__Liu__V1__QuestionAnswer *list[4];
    char *asked[1];
    fill(&m, &s, &b, qa, list, asked);
    int64_t give_up_us = l->end_us + 5000000;
    while (clock_mono_us() < l->end_us || (l->open > 0 && clock_mono_us() < give_up_us)) {
        (void)send_due(l, &m.base);
        int64_t now = clock_mono_us();
        int64_t wait_us =
            now >= l->end_us || l->open >= l->window ? 20000 : due_of(l, l->sent, now) - now;
        if (l->rate > 0 && wait_us > 0 && wait_us < 1000)
            (void)nanosleep(&(struct timespec){.tv_nsec = wait_us > 50 ? 50000 : wait_us * 1000},
                            NULL);
        const Ismap__Liu__V1__Reply *r = lane_recv(&l->lane, l->rate > 0 ? wait_us / 1000 : 1);
        while (r != NULL) {
            take_reply(l, r);
            r = l->open > 0 ? lane_recv(&l->lane, 0) : NULL;
        }
    }
    return NULL;
}

static json_t *report_of(struct load *loads, uint64_t n, double seconds,
                         const struct cpu_watch *cpu)
{
    struct samples all = {0};
    uint64_t ok = 0;
    uint64_t refused = 0;
    uint64_t sent = 0;
    uint64_t open = 0;
    for (uint64_t i = 0; i < n; i++) {
        samples_join(&all, &loads[i].samples);
        ok += loads[i].ok;
        refused += loads[i].refused;
        sent += loads[i].sent;
        open += loads[i].open;
    }
    json_t *j = json_object();
    (void)json_object_set_new(
        j, "what",
        json_string("SubmitPreApplication: CURVE, validation, receipt, record, journal, fsync"));
    (void)json_object_set_new(j, "seconds", json_real(seconds));
    (void)json_object_set_new(j, "sent", json_integer((json_int_t)sent));
    (void)json_object_set_new(j, "committed", json_integer((json_int_t)ok));
    (void)json_object_set_new(j, "refused", json_integer((json_int_t)refused));
    (void)json_object_set_new(j, "unanswered", json_integer((json_int_t)open));
    (void)json_object_set_new(j, "commitsPerSecond", json_real((double)ok / seconds));
    (void)json_object_set_new(j, "latency", samples_json(&all));
    (void)json_object_set_new(j, "cpuUsPerCommit", cpu_watch_end(cpu, ok));
    samples_fini(&all);
    return j;
}

int drive_load(struct cli *c, struct cli_args *a)
{
    uint64_t rate, window, connections, seconds;
    struct cpu_watch cpu;
    const char *out = cli_option(a, "--out");
    char *names = (char *)(uintptr_t)cli_option(a, "--as-list");
    const char *pids = cli_option(a, "--pids");
    if (!drive_number(c, a, "--rate", 0, 10000000, &rate) ||
        !drive_number(c, a, "--window", 64, WINDOW_MAX, &window) ||
        !drive_number(c, a, "--connections", 2, CONNECTIONS_MAX, &connections) ||
        !drive_number(c, a, "--seconds", 5, 3600, &seconds) || !cli_done(c, a))
        return CLI_USAGE;
    if (names == NULL || connections == 0 || window == 0 || !cpu_watch_begin(&cpu, pids))
        return cli_usage(c, "give --as-list with identities of providers, and live --pids");
    struct load *loads = calloc(connections, sizeof *loads);
    if (loads == NULL)
        return CLI_TEMPORARY;
    char *ids[CONNECTIONS_MAX];
    size_t n_ids = 0;
    for (char *save = NULL, *t = strtok_r(names, ",", &save); t != NULL && n_ids < CONNECTIONS_MAX;
         t = strtok_r(NULL, ",", &save))
        ids[n_ids++] = t;
    int status = n_ids == 0 ? CLI_USAGE : CLI_OK;
    uint64_t opened = 0;
    uint64_t run_id = (uint64_t)clock_wall_ms();
    int64_t start = clock_mono_us() + 300000;
    for (; status == CLI_OK && opened < connections; opened++) {
        struct load *l = &loads[opened];
        l->index = (unsigned)opened;
        l->run = run_id;
        l->rate = (double)rate / (double)connections;
        l->window = rate > 0 ? WINDOW_MAX : window;
        l->start_us = start;
        l->end_us = start + (int64_t)seconds * 1000000;
        l->due_us = calloc(RING, sizeof *l->due_us);
        status = l->due_us == NULL ? CLI_TEMPORARY
                                   : lane_open(&l->lane, c, ids[opened % n_ids], CLI_INTAKE);
    }
    uint64_t running = 0;
    for (; status == CLI_OK && running < connections; running++)
        if (pthread_create(&loads[running].thread, NULL, run, &loads[running]) != 0)
            status = cli_fail(c, CLI_TEMPORARY, "no thread");
    for (uint64_t i = 0; i < running; i++)
        (void)pthread_join(loads[i].thread, NULL);
    if (status == CLI_OK)
        status = drive_report(c, report_of(loads, connections, (double)seconds, &cpu), out);
    for (uint64_t i = 0; i < opened; i++) {
        lane_close(&loads[i].lane);
        samples_fini(&loads[i].samples);
        free(loads[i].due_us);
    }
    free(loads);
    return status;
}
