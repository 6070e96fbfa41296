/* Shared by the files of the audit service only: short names, its rows, its timers. */
#ifndef LIU_AUDIT_SHELL_H
#define LIU_AUDIT_SHELL_H

#include "flow/work.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "services/audit/core/coverage.h"
#include "services/audit/core/results.h"

#define STATUS(x) ISMAP__LIU__V1__STATUS__STATUS_##x
#define ROLE(x) ISMAP__LIU__V1__ROLE__ROLE_##x
#define REPORT(x) ISMAP__LIU__V1__REPORT_STATE__REPORT_STATE_##x
#define PROBLEM(x) ISMAP__LIU__V1__AUDIT_PROBLEM_KIND__AUDIT_PROBLEM_KIND_##x
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

/* Each fault of the core becomes a violation below `prefix`. Returns DECIDE_DONE. */
enum decide audit_refuse_faults(struct work *w, Ismap__Liu__V1__Status status, const char *prefix,
                                const struct audit_faults *f);

/* reports.c */
work_fn audit_submit_report;
work_fn audit_submit_internal;

/* views.c */
work_fn audit_get_report;
work_fn audit_get_standing;
work_fn audit_list_problems;
work_fn audit_resolve_problem;

/* yearly.c */
work_fn audit_on_registration; /* RegistrationDecided */
work_fn audit_on_yearly;       /* TIMER_YEARLY */

#endif
