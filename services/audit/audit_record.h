/* Between the messages of the wire and the values of the core. No rule lives here.
 *
 * Everything made lives in the arena or is borrowed from the message, which must outlive it.
 */
#ifndef LIU_AUDIT_AUDIT_RECORD_H
#define LIU_AUDIT_AUDIT_RECORD_H

#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "services/audit/core/plan.h"

/* What a plan is made for and from; strings are borrowed. */
struct audit_record_about {
    const char *case_id;
    const char *provider;
    const char *catalogue_version;
    const char *rulebook_hash;
    int64_t made_at_ms;
    int32_t first_year;                         /* civil year that is year 1 */
    const struct plan_input *in;                /* stored as the basis; NULL = not */
    const struct plan_certificate *certificate; /* stored; NULL = not */
    uint32_t revision;                          /* 0 = not kept by a service */
    const void *standing;                       /* AuditStanding the case has; NULL = none */
    uint32_t run;                               /* of the standing; 0 = none */
};

/* ERR_INVAL with faults when an id is not one or the flags contradict it; ERR_NOMEM; ERR_LIMIT. */
enum err audit_record_catalogue(struct arena *a, const Ismap__Liu__V1__Catalogue *m,
                                struct catalogue *out, struct audit_faults *faults) LIU_MUST_USE;

/* ERR_INVAL when special_measure_until is no date; ERR_NOMEM. */
enum err audit_record_policy(struct arena *a, const Ismap__Liu__V1__AuditRules *m,
                             struct plan_policy *out) LIU_MUST_USE;

/* Ids without the grammar cannot be in the rulebook's list of important controls: the catalogue's
 * own marks stand for it. Other catalogues leave *policy as it is. ERR_NOMEM. */
enum err audit_record_keys(struct arena *a, const struct catalogue *c,
                           struct plan_policy *policy) LIU_MUST_USE;

/* The record with its plan_hash: SHA-256 over the packed record whose plan_hash is empty.
 * ERR_NOMEM, ERR_INTERNAL. */
enum err audit_record_plan(struct arena *a, const struct plan *p,
                           const struct audit_record_about *about,
                           Ismap__Liu__V1__AuditPlan **out) LIU_MUST_USE;

/* The way back, for tools: items and loads of a record as the core knows them. ERR_INVAL with `why`
 * when the record has no shape of a plan (years out of bounds, loads that are not one for each
 * year); what the plan says is for audit_plan_check. ERR_NOMEM. */
enum err audit_record_read_plan(struct arena *a, const Ismap__Liu__V1__AuditPlan *m,
                                struct plan *out, struct err_text *why) LIU_MUST_USE;

/* What a plan rests on beside catalogue and policy, which stay as they are in *in: all a check
 * needs. Strings are borrowed from the record. ERR_INVAL when a date is none; ERR_NOMEM. */
enum err audit_record_basis(struct arena *a, const Ismap__Liu__V1__AuditPlan *plan,
                            struct plan_input *in) LIU_MUST_USE;

/* The plan that is replaced, into in->before, and the year in which its service's cycle began;
 * strings are borrowed. ERR_NOMEM. */
enum err audit_record_before(struct arena *a, const Ismap__Liu__V1__AuditPlan *plan,
                             struct plan_input *in) LIU_MUST_USE;

/* ERR_NOT_FOUND when the record has none (audit-core-2 and before), ERR_INVAL when a year of it is
 * not in the plan; ERR_NOMEM. */
enum err audit_record_certificate(struct arena *a, const Ismap__Liu__V1__AuditPlan *plan,
                                  struct plan_certificate *k) LIU_MUST_USE;

/* Parts of audit_record_plan and audit_record_read_plan (audit_basis.c). ERR_NOMEM. */
enum err audit_record_put_basis(struct arena *a, const struct plan_input *in,
                                Ismap__Liu__V1__AuditPlan *plan) LIU_MUST_USE;
enum err audit_record_put_certificate(struct arena *a, const struct plan_certificate *k,
                                      Ismap__Liu__V1__AuditPlan *plan) LIU_MUST_USE;
enum err audit_record_put_moves(struct arena *a, const struct plan *p,
                                Ismap__Liu__V1__AuditPlan *plan) LIU_MUST_USE;
enum err audit_record_get_moves(struct arena *a, const Ismap__Liu__V1__AuditPlan *plan,
                                struct plan *out) LIU_MUST_USE;

/* Whether plan_hash is that of the rest of the record. ERR_INVAL when it is not; ERR_NOMEM,
 * ERR_INTERNAL. */
enum err audit_record_check_hash(struct arena *a, const Ismap__Liu__V1__AuditPlan *m) LIU_MUST_USE;

/* The civil year of year 1, of records old and new. */
int32_t audit_record_first_year(const Ismap__Liu__V1__AuditPlan *m);

#endif
