/* Planning all services again: the state of the audit service, and the steps of a run. */
#ifndef LIU_AUDIT_RUNS_H
#define LIU_AUDIT_RUNS_H

#include "flow/service.h"
#include "services/audit/shell.h"

#define AUDIT_RUN "run"     /* the one record of its kind: the latest run */
#define TIMER_SWEEP "sweep" /* the next page of a run */
#define TIMER_MASS "mass"   /* one case of a run; the record is NUMBER/CASE */

typedef Ismap__Liu__V1__ReplanRun pb_run;

enum err audit_create(const struct service_env *env, void **state, struct err_text *why);
void audit_destroy(void *state);
void audit_standing_changed(void *state, const char *id, uint64_t revision,
                            const ProtobufCMessage *m);
void audit_run_changed(void *state, const char *id, uint64_t revision, const ProtobufCMessage *m);

/* The latest run as the journal tells it; 0 = none yet. `state` may be NULL. */
uint32_t audit_current_run(const void *state);

/* Starts the next run, whatever became of the last one. Its number. */
uint32_t audit_run_start(struct work *w, const pb_run *last, Ismap__Liu__V1__ReplanCause cause,
                         const char *reason);
/* ReplanStarted, to who asked for it. */
enum decide audit_run_answer(struct work *w, uint32_t run);

work_fn audit_replan_all;
work_fn audit_on_rulebook; /* RulebookActivated: a run, when what it says of audits is new */
work_fn audit_on_sweep;    /* TIMER_SWEEP */
work_fn audit_on_mass;     /* TIMER_MASS, replan.c */
work_fn audit_get_run;

/* catalogues.c */
work_fn audit_put_catalogue;
work_fn audit_activate_catalogue;
work_fn audit_list_catalogues;

#endif
