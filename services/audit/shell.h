/* Shared by the files of the audit service only: short names, its rows, its timers. */
#ifndef LIU_AUDIT_SHELL_H
#define LIU_AUDIT_SHELL_H

#include "flow/work.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "ismap/liu/v1/scope.pb-c.h"
#include "services/audit/core/coverage.h"
#include "services/audit/core/results.h"

#define STATUS(x) ISMAP__LIU__V1__STATUS__STATUS_##x
#define ROLE(x) ISMAP__LIU__V1__ROLE__ROLE_##x
#define REPORT(x) ISMAP__LIU__V1__REPORT_STATE__REPORT_STATE_##x
#define PROBLEM(x) ISMAP__LIU__V1__AUDIT_PROBLEM_KIND__AUDIT_PROBLEM_KIND_##x
#define CAUSE(x) ISMAP__LIU__V1__REPLAN_CAUSE__REPLAN_CAUSE_##x
#define RESULT(x) ISMAP__LIU__V1__AUDIT_RESULT__AUDIT_RESULT_##x
#define FINDING(x) ISMAP__LIU__V1__FINDING_SEVERITY__FINDING_SEVERITY_##x
#define PARTY(x) ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_##x

typedef Ismap__Liu__V1__AuditPlan pb_plan;
typedef Ismap__Liu__V1__AuditStanding pb_standing;
typedef Ismap__Liu__V1__AuditReport pb_report;
typedef Ismap__Liu__V1__AuditResults pb_results;
typedef Ismap__Liu__V1__AuditProblem pb_problem;
typedef Ismap__Liu__V1__YearReport pb_year;
typedef Ismap__Liu__V1__AuditRules pb_audit_rules;

/* Timers of this service; the record is the case. */
#define TIMER_PLAN "plan"     /* a plan that could not be made */
#define TIMER_YEARLY "yearly" /* the internal report of the watched year: remind, then miss */
#define TIMER_REPLAN "replan" /* plan again, for the reasons that are pending in the standing */

#define AUDIT_PAGE_MAX 32u /* standings of one page: each may be 60 KiB */

/* Generated structs have no const: this lends a text to a message that will only be packed. */
static inline char *lend(const char *s)
{
    return (char *)(uintptr_t)s;
}

/* Civil year in Tokyo. */
int32_t audit_year_of(int64_t ms);

/* Who may see what concerns this provider: operators, audit bodies, itself. */
bool audit_may_see(struct work *w, const char *provider);

/* Answer to what is not there, or not for the asker. */
enum decide audit_not_found(struct work *w, const char *field);
/* Was this Case (NULL = none) withdrawn? Nothing is planned for it any more. R49 */
bool audit_is_withdrawn(const void *submitted);

/* Answer when the catalogue of a plan cannot be read. */
enum decide audit_bad_catalogue(struct work *w);

/* Each fault of the core becomes a violation below `prefix`. Returns DECIDE_DONE. */
enum decide audit_refuse_faults(struct work *w, Ismap__Liu__V1__Status status, const char *prefix,
                                const struct audit_faults *f);

/* What a plan of the service is made from, and what comes of it. All is borrowed, or lives in the
 * arena. */
struct audit_making {
    const Ismap__Liu__V1__AuditScope *scope; /* NULL = nothing was said of the case */
    const Ismap__Liu__V1__Catalogue *catalogue;
    const pb_audit_rules *rules;
    const pb_standing *standing; /* gives the history; NULL = none */
    const pb_plan *before;       /* the plan that is replaced; NULL = none */
    int32_t first_year;          /* first civil year that can still be planned */
    struct plan_input in;
    struct plan plan;
    struct plan_certificate certificate;
};

/* Makes a plan and holds it against its own check: one that the check refuses is never put, better
 * none and a person who looks. ERR_INVAL with faults; ERR_NOMEM, ERR_LIMIT. */
enum err audit_make(struct arena *a, struct audit_making *m,
                    struct audit_faults *faults) LIU_MUST_USE;

/* Its number, of plans old and new. */
uint32_t audit_revision(const pb_plan *p);
/* A superseded plan that was kept; as work_get. */
bool audit_get_kept(struct work *w, const char *case_id, uint32_t revision, const void **plan);

/* replan.c */
work_fn audit_on_replan; /* TIMER_REPLAN */
work_fn audit_on_base;   /* TIMER_BASE */
work_fn audit_replan_case;
work_fn audit_get_revisions;

/* reports.c */
work_fn audit_submit_report;
work_fn audit_submit_internal;

/* changes.c */
work_fn audit_submit_change;
work_fn audit_get_change;
work_fn audit_get_scope;

/* statements.c */
work_fn audit_state_scope;

/* incidents.c */
work_fn audit_on_suspension; /* SuspensionImposed */
work_fn audit_on_lifting;    /* SuspensionLifted */
work_fn audit_name_affected;

/* views.c */
work_fn audit_get_report;
work_fn audit_get_standing;
work_fn audit_list_problems;
work_fn audit_resolve_problem;

/* yearly.c */
work_fn audit_on_registration; /* RegistrationDecided */
work_fn audit_on_cancellation; /* RegistrationCancelled: who rests on that base plans again */
work_fn audit_on_yearly;       /* TIMER_YEARLY */

#endif
