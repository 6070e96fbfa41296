/* liu-drive: load, floods and streams against running services, for measuring and for drills.
 *
 * Each connection has a thread of its own with one identity. Clocks: latencies are measured with
 * the monotonic clock of this process, from the moment a message was meant to be sent, so that a
 * slow answer is not hidden by the messages it kept back.
 */
#ifndef LIU_DRIVE_DRIVE_H
#define LIU_DRIVE_DRIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "liuctl/cli.h"

/* ---- samples.c */

struct samples {
    int64_t *us;
    size_t n;
    size_t cap;
};

void samples_add(struct samples *s, int64_t us); /* silently full without memory */
void samples_join(struct samples *into, const struct samples *from);
void samples_fini(struct samples *s);
/* {"n", "p50Us", "p90Us", "p99Us", "p999Us", "maxUs", "cdf": [[share, us] ...]}; sorts. */
json_t *samples_json(struct samples *s);

/* CPU time of a process in microseconds, all threads; -1 when there is none. */
int64_t cpu_of_pid_us(long pid);
int64_t cpu_self_us(void);
/* "name=pid,name=pid" -> counters; before and after a run. */
struct cpu_watch {
    char name[8][24];
    long pid[8];
    int64_t before_us[8];
    size_t n;
    int64_t self_before_us;
};
bool cpu_watch_begin(struct cpu_watch *w, const char *list);
json_t *cpu_watch_end(const struct cpu_watch *w, uint64_t per);
/* CPU model, count, kernel: so that a figure is never without its machine. */
json_t *machine_json(void);

/* ---- lane.c: one identity on one connection */

struct lane {
    struct cli cli; /* a copy of the command's, with its own identity and keys */
    enum cli_service to;
    struct bus_client *client;
};

/* Opens a connection as `identity`. CLI_OK or an exit status with a message printed. */
int lane_open(struct lane *l, const struct cli *from, const char *identity, enum cli_service to);
void lane_close(struct lane *l);
/* Packs and sends under this id; false when the peer does not take it now. `again` keeps no copy.
 */
bool lane_send(struct lane *l, const char *id, const ProtobufCMessage *m, bool sign,
               int64_t timeout_ms);
/* The next reply within timeout_ms, in the lane's arena (valid until the next lane_recv); NULL =
 * none. */
const Ismap__Liu__V1__Reply *lane_recv(struct lane *l, int64_t timeout_ms);

/* ---- the commands */
int drive_load(struct cli *c, struct cli_args *a);
int drive_flood(struct cli *c, struct cli_args *a);
int drive_stream(struct cli *c, struct cli_args *a);
int drive_prepare(struct cli *c, struct cli_args *a);
int drive_critical(struct cli *c, struct cli_args *a);
int drive_floor(struct cli *c, struct cli_args *a);
int drive_replan(struct cli *c, struct cli_args *a);
int drive_plot(struct cli *c, struct cli_args *a);

/* An integer option within bounds; prints and answers false when it is not one. */
bool drive_number(struct cli *c, struct cli_args *a, const char *name, uint64_t fallback,
                  uint64_t max, uint64_t *out);
/* Writes the report to --out FILE or stdout. */
int drive_report(struct cli *c, json_t *report, const char *path);

#endif
