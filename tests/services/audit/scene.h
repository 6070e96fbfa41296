/* A case of acme with a plan that begins in 2027, and what the audit service reads of it. "Now" is
 * 2027-11-15 in Tokyo. To be included after cmocka.h's own headers. */
#ifndef LIU_TESTS_AUDIT_SCENE_H
#define LIU_TESTS_AUDIT_SCENE_H

#include "ismap/liu/v1/listing.pb-c.h"
#include "services/audit/fake_work.h"
#include "services/audit/standing.h"

#define NOW_MS 1826204400000 /* 2027-11-15 */
#define YEAR 2027
#define WORDS_MAX 256

typedef Ismap__Liu__V1__AuditedControl pb_control;
typedef Ismap__Liu__V1__AuditFinding pb_finding;
typedef Ismap__Liu__V1__Listing pb_listing;

struct scene {
    struct work w;
    struct arena a;
    Ismap__Liu__V1__Catalogue *catalogue;
    Ismap__Liu__V1__AuditRules audit;
    Ismap__Liu__V1__Rulebook rules;
    pb_plan *plan;
    pb_listing listing;
    pb_results results;
    pb_control controls[WORDS_MAX];
    pb_control *control_list[WORDS_MAX];
    pb_finding finding;
    pb_finding *findings[1];
    Ismap__Liu__V1__SubmitAuditReport external;
    Ismap__Liu__V1__SubmitInternalReport internal;
};

/* `party`: whose report the message of the work is. */
void scene_begin(struct scene *s, Ismap__Liu__V1__AuditParty party);
void scene_end(struct scene *s);
/* A major finding about the first control, without correction. */
void scene_add_finding(struct scene *s);
/* The start of this day in Tokyo. */
int64_t scene_day_ms(const char *text);

#endif
