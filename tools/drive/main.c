/* liu-drive COMMAND: the same configuration and keys as liuctl. */
#include "drive/drive.h"

#include <string.h>

#include "base/text.h"
#include "obs/log.h"

struct drive_command {
    const char *name;
    const char *usage;
    int (*run)(struct cli *c, struct cli_args *a);
};

static const struct drive_command commands[] = {
    {"load",
     "--as-list ID,ID [--rate N] [--window N] [--connections N] [--seconds N] [--pids "
     "name=pid,...]\n"
     "      pre-applications as fast as --rate says (0 = as fast as --window open requests allow)",
     drive_load},
    {"flood",
     "--feed ID --subscribers ID,ID [--alerts N] [--bytes N] [--seconds N] [--batch N] [--window "
     "N] "
     "[--urgent NUMBER] [--bulk NUMBER]\n"
     "      low alerts on the bulk door, with one critical alert in the urgent lane and one inside "
     "the bulk",
     drive_flood},
    {"stream",
     "--as-list ID,ID --receipts FILE [--count N] [--rate N] [--seconds N]\n"
     "      pre-applications whose receipts are logged; sends again until each is acknowledged",
     drive_stream},
    {"prepare",
     "--numbers FILE [--cases FILE] --provider ID --ministry ID --auditor ID --operator ID "
     "[--count N]\n"
     "      registered services for a measurement, through the whole path",
     drive_prepare},
    {"critical",
     "--numbers FILE --feed ID [--pause-ms N] [--skip N] [--count N] [--pause-pid PID [--phase "
     "N]]\n"
     "      one critical alert for each number, timed to its durable suspension; with --pause-pid "
     "in "
     "phases\n"
     "      of N alerts in turn, that process stopped and running",
     drive_critical},
    {"floor",
     "--redis SOCKET [--count N] [--pause-ms N] [--bytes N]\n"
     "      a bare durable SET, as far apart as the alerts that are compared with it",
     drive_floor},
    {"replan",
     "--cases FILE --as-list ID [--catalogue VERSION --operator ID | --queries N] [--rate N] "
     "[--seconds N] [--pids name=pid,...]\n"
     "      all services planned again, and how long queries wait meanwhile",
     drive_replan},
    {"plot", "--out FILE.svg REPORT.json...\n      a picture of the reports' latencies",
     drive_plot},
};

static int usage(FILE *out, int status)
{
    (void)fprintf(out, "usage: liu-drive [--config FILE] [--out FILE] COMMAND ...\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        (void)fprintf(out, "  %s %s\n", commands[i].name, commands[i].usage);
    return status;
}

bool drive_number(struct cli *c, struct cli_args *a, const char *name, uint64_t fallback,
                  uint64_t max, uint64_t *out)
{
    const char *text = cli_option(a, name);
    *out = fallback;
    if (text == NULL || text_u64(text, max, out) == ERR_OK)
        return true;
    (void)cli_usage(c, "%s: a number up to %llu", name, (unsigned long long)max);
    return false;
}

int drive_report(struct cli *c, json_t *report, const char *path)
{
    (void)json_object_set_new(report, "machine", machine_json());
    int bad = path == NULL ? json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6))
                           : json_dump_file(report, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    if (path == NULL)
        (void)printf("\n");
    json_decref(report);
    return bad == 0
               ? CLI_OK
               : cli_fail(c, CLI_USAGE, "%s: cannot be written", path == NULL ? "stdout" : path);
}

int main(int argc, char **argv)
{
    struct cli c = {.ja = false};
    struct cli_args a = {.argc = argc - 1, .argv = argv + 1};
    arena_init(&c.arena, 64u * 1024 * 1024);
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    c.quiet = cli_flag(&a, "--quiet");
    c.config_path = cli_option(&a, "--config");
    if (cli_flag(&a, "--help") || a.argc == 0)
        return usage(a.argc == 0 ? stderr : stdout, a.argc == 0 ? CLI_USAGE : CLI_OK);
    int status = -1;
    const char *name = cli_next(&a);
    for (size_t i = 0; name != NULL && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        status = cli_load_config(&c);
        if (status == CLI_OK)
            status = commands[i].run(&c, &a);
    }
    cli_free_config(&c);
    arena_fini(&c.arena);
    return status < 0 ? usage(stderr, CLI_USAGE) : status;
}
