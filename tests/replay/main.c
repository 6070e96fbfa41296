/* replay --seed N --runs M | --scenario FILE...: runs simulations, and tells how to see a failed
 * one again. Status 0 all held, 1 an invariant broke or a scenario went otherwise, 2 wrong usage.
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "replay/check_archive.h"
#include "replay/check_cold.h"
#include "replay/drive.h"
#include "replay/files.h"

struct options {
    uint64_t seed, runs;
    bool trace, rough;
    const char *root;
};

static int usage(FILE *out, int status)
{
    (void)fputs(
        "usage: replay [--seed N] [--runs M] [--cold] [--trace] [--root DIR]\n"
        "       replay --scenario [--rough] [--seed N] [--runs M] [--trace] [--root DIR] FILE...\n"
        "  --seed N    the first seed (1); run k has seed N + k\n"
        "  --runs M    how many (1)\n"
        "  --cold      records and receipts leave the store in every run, not in one of four\n"
        "  --rough     a scenario with faults by the seed\n"
        "  --trace     tell what happens\n"
        "  --root DIR  the source tree: rules, catalogue, examples\n",
        out);
    return status;
}

/* The seed of what runs, for the handler: an assertion of the services ends the process. */
static char running[160];

static void on_abort(int number)
{
    ssize_t n = write(2, running, strlen(running));
    (void)n;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* `file` NULL: a run from a seed. */
static void told(const char *file, const struct options *o, uint64_t seed)
{
    (void)fprintf(stderr, "FAILED %s seed %llu at %.3f ms: %s\n", file == NULL ? "run" : file,
                  (unsigned long long)seed, (double)sim.now_us / 1000, sim.failed);
    (void)fprintf(stderr, "  see it again: replay %s%s%s--seed %llu --trace %s\n",
                  file == NULL ? "" : "--scenario ", o->rough ? "--rough " : "",
                  drive_all_cold ? "--cold " : "", (unsigned long long)seed,
                  file == NULL ? "" : file);
}

static int run_seeds(const struct options *o)
{
    struct timespec begin, end;
    uint64_t steps = 0, answers = 0, entries = 0, oom = 0, reserve = 0, alloc = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint64_t i = 0; i < o->runs; i++) {
        (void)snprintf(running, sizeof running, "\nreplay: ended within seed %llu\n",
                       (unsigned long long)(o->seed + i));
        bool ok = drive_seed(o->seed + i, o->trace);
        steps += sim.steps;
        answers += agents.answered;
        entries += memstore_head(&sim.store);
        oom += sim.oom;
        alloc += sim.alloc_failed;
        reserve += sim.reserve_used;
        if (!ok)
            told(NULL, o, o->seed + i);
        drive_end();
        if (!ok)
            return 1;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    double s = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    (void)printf("%llu runs from seed %llu held: %llu events, %llu answers, %llu journal entries, "
                 "%.1f s, %.0f runs a second\n",
                 (unsigned long long)o->runs, (unsigned long long)o->seed,
                 (unsigned long long)steps, (unsigned long long)answers,
                 (unsigned long long)entries, s, (double)o->runs / (s > 0 ? s : 1));
    (void)printf("  archived %llu entries, trimmed %llu, %llu snapshots, %llu segments removed; "
                 "the ledger ended in the midst of "
                 "%llu jobs, lost power %llu times, its disk failed %llu times\n",
                 (unsigned long long)check_archive_count.archived,
                 (unsigned long long)check_archive_count.trimmed,
                 (unsigned long long)check_archive_count.snapshots,
                 (unsigned long long)check_archive_count.removed,
                 (unsigned long long)files_count.cut, (unsigned long long)files_count.losses,
                 (unsigned long long)files_count.failed);
    (void)printf(
        "  cold: in %llu runs %llu records and receipts left, %llu records came back; %llu "
        "commits asked first, %llu questions, %llu answers with what was cold, %llu times "
        "the ledger was away, %llu receipts recalled\n",
        (unsigned long long)check_cold_count.runs, (unsigned long long)check_cold_count.left,
        (unsigned long long)check_cold_count.back, (unsigned long long)check_cold_count.waited,
        (unsigned long long)check_cold_count.asked, (unsigned long long)check_cold_count.found,
        (unsigned long long)check_cold_count.away, (unsigned long long)check_cold_count.recalled);
    (void)printf("  memory: %llu commits were refused for it, %llu requests took of the reserve; "
                 "%llu allocations failed\n",
                 (unsigned long long)oom, (unsigned long long)reserve, (unsigned long long)alloc);
    return 0;
}

static int run_scenarios(const struct options *o, char **files)
{
    int status = 0;
    for (; *files != NULL; files++) {
        bool ok = true;
        for (uint64_t i = 0; ok && i < o->runs; i++) {
            (void)snprintf(running, sizeof running, "\nreplay: ended within %.80s, seed %llu\n",
                           *files, (unsigned long long)(o->seed + i));
            ok = drive_scenario(*files, o->seed + i, o->trace, o->rough);
            if (!ok)
                told(*files, o, o->seed + i);
            drive_end();
        }
        status = ok ? status : 1;
        if (ok)
            (void)printf("held: %s\n", *files);
    }
    return status;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"seed", required_argument, NULL, 's'}, {"runs", required_argument, NULL, 'n'},
        {"trace", no_argument, NULL, 't'},      {"scenario", no_argument, NULL, 'f'},
        {"root", required_argument, NULL, 'r'}, {"whole-catalogue", no_argument, NULL, 'w'},
        {"cold", no_argument, NULL, 'c'},       {"rough", no_argument, NULL, 'g'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    struct options o = {.seed = 1, .runs = 1, .root = LIU_SOURCE_DIR};
    bool scenario = false;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 's')
            o.seed = strtoull(optarg, NULL, 0);
        else if (c == 'n')
            o.runs = strtoull(optarg, NULL, 0);
        else if (c == 'r')
            o.root = optarg;
        else if (c == 't')
            o.trace = true;
        else if (c == 'c')
            drive_all_cold = true;
        else if (c == 'g')
            o.rough = true;
        else if (c == 'f')
            scenario = true;
        else
            return usage(c == 'h' ? stdout : stderr, c == 'h' ? 0 : 2);
    }
    if (scenario == (optind == argc))
        return usage(stderr, 2);
    (void)signal(SIGABRT, on_abort);
    if (!world_load(o.root))
        return 2;
    int status = scenario ? run_scenarios(&o, argv + optind) : run_seeds(&o);
    world_free();
    free(sim.heap);
    return status;
}
