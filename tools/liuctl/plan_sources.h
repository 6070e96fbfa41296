/* What a plan is made from and checked against, as files: catalogue, rulebook, history, exclusions.
 *
 * Functions complain on stderr and answer an exit status. Everything lives in the command's arena.
 */
#ifndef LIU_LIUCTL_PLAN_SOURCES_H
#define LIU_LIUCTL_PLAN_SOURCES_H

#include "liuctl/cli.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "services/audit/core/plan.h"

#define PLAN_EXCLUDED_MAX 256

struct plan_sources {
    struct catalogue catalogue;
    const char *catalogue_version;
    struct plan_policy policy;
    const char *rulebook_hash;
    struct plan_excluded excluded[PLAN_EXCLUDED_MAX];
    struct plan_input in; /* of all of these; first_year is the caller's */
};

/* Takes --catalogue FILE, --rulebook FILE and --exclude ID... out of the arguments and reads them;
 * the first two must be there. A catalogue whose items say themselves which are important (OSCAL)
 * replaces the rulebook's list by those. */
int plan_sources_read(struct cli *c, struct cli_args *a, struct plan_sources *s);

/* Reads a catalogue's file: OSCAL when its name ends in .json (with --tier-map), else CSV, whose
 * version is s->catalogue_version, or when that is "" what its name says. */
int plan_catalogue_read(struct cli *c, struct cli_args *a, const char *path,
                        struct plan_sources *s);

/* The catalogue of the record's version, from Redis as liuctl.yaml has it. */
int plan_catalogue_stored(struct cli *c, const char *version, struct plan_sources *s);

/* Takes --basis FILE (a PlanBasis: what a plan rests on beside catalogue and rulebook), --previous
 * FILE (the plan that is replaced) and --open-year Y out of the arguments; in->first_year stays.
 * What
 * --exclude named stays too. The certificate of another plan is no basis: only its items are read.
 */
int plan_basis_read(struct cli *c, struct cli_args *a, struct plan_sources *s);

/* The basis that a record has; without one the inputs stay as they are. */
int plan_basis_of_record(struct cli *c, const Ismap__Liu__V1__AuditPlan *m, struct plan_sources *s);

/* A file of rows (base/rows.h); NULL with a message when it cannot be read or is not UTF-8. */
char *plan_rows_read(struct cli *c, const char *path);

/* --history FILE: lines "control,external|internal,year[,passed|failed|skipped]" of what was
 * really audited (R65); a heading, empty lines and lines that begin with # are passed over. Every
 * fault with its line. */
int plan_history_read(struct cli *c, const char *path, struct plan_sources *s);

/* All of that, and --first-year and --date; *made_at_ms is the beginning of that day. */
int plan_inputs_read(struct cli *c, struct cli_args *a, struct plan_sources *s,
                     int64_t *made_at_ms);

/* A plan of the sources, checked, with its certificate. */
int plan_make_checked(struct cli *c, struct plan_sources *s, struct plan *plan,
                      struct plan_certificate *cert);
void plan_certificate_note(struct cli *c, const struct plan_certificate *k);

/* The record of a plan, from a file; NULL with a message printed. */
const Ismap__Liu__V1__AuditPlan *plan_record_read(struct cli *c, const char *path);

/* Faults on stdout, one a line (not with --json). */
void plan_faults_print(const struct cli *c, const struct audit_faults *f);

#endif
