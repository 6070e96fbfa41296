/* Shared by the files of the intake service only: its state, its rows, and how they refuse. */
#ifndef LIU_INTAKE_SHELL_H
#define LIU_INTAKE_SHELL_H

#include "flow/work.h"
#include "services/intake/core/key_book.h"
#include "services/intake/map.h"

#define STATUS(x) ISMAP__LIU__V1__STATUS__STATUS_##x
#define ROLE(x) ISMAP__LIU__V1__ROLE__ROLE_##x

#define INTAKE_PAGE_DEFAULT 32u /* records of one page of a list */
#define INTAKE_PAGE_MAX                                                                            \
    64u /* one judgment or hold is read for each: stays below LIMIT_WORK_READS */
#define INTAKE_USERS_MAX 256u /* ministries that use one service */

#define TIMER_EXPIRE "expire"

struct intake {
    struct key_book *keys; /* ids are "p:<party>" and "f:<feed>" */
    bool keys_incomplete;  /* no memory for a key once: no key can be said to be free */
};

/* parties.c */
work_fn intake_add_party;
work_fn intake_revoke_party;
work_fn intake_list_parties;
void intake_party_changed(void *state, const char *id, uint64_t revision,
                          const ProtobufCMessage *m);
void intake_feed_changed(void *state, const char *id, uint64_t revision, const ProtobufCMessage *m);

/* cases.c, assessments.c, case_views.c */
work_fn intake_submit_pre_application;
work_fn intake_submit_assessment;
work_fn intake_get_case;
work_fn intake_list_cases;
work_fn intake_list_waiting;

/* registration.c */
work_fn intake_submit_registration;
work_fn intake_decide_registration;
work_fn intake_expire; /* timer TIMER_EXPIRE of a listing number */

/* The number of a service's listing: the same for every case of that provider and service, so that
 * a suspended service does not come back under another case. NULL without memory. */
const char *shell_listing_number(struct arena *a, const pb_rulebook *rules, const pb_case *c);
enum decide shell_reply_listing(struct work *w, const pb_listing *l);

/* withdrawal.c */
work_fn intake_withdraw_case;
work_fn intake_withdraw_registration;
work_fn intake_cancel_registration;

/* uses.c, registry.c */
work_fn intake_declare_use;
work_fn intake_list_registry;
work_fn intake_get_registry_entry;
work_fn intake_query_procurable;

/* attached.c: the assessments attached to a pre-application.
 *
 * Each must be well-formed, signed for this purpose by a live ministry that it names, about this
 * applicant and this service; one a ministry. Faults have paths below attached[i]. *recorded is in
 * the arena, one for each. */
enum attached {
    ATTACHED_OK,
    ATTACHED_WAIT,    /* DECIDE_WAIT */
    ATTACHED_REFUSED, /* the work has been refused */
    ATTACHED_NO_MEMORY,
};
enum attached attached_read(struct work *w, const pb_application *m, pb_recorded ***recorded);

/* Refuses with all of them; nothing when there are none. */
enum decide shell_refuse_all(struct work *w, Ismap__Liu__V1__Status status,
                             const struct violations *v);

/* "There is no such thing", said alike whether it does not exist or is not the asker's to see. */
enum decide shell_not_found(struct work *w, const char *field);

uint32_t shell_page_max(uint32_t asked);

/* Parties concerned by a case: provider, ministries asked, ministries that assessed. NULL without
 * memory. */
const char *const *shell_case_audience(struct arena *a, const pb_case *c, size_t *n);

/* May the sender of w see this case? R14: provider its own, ministries asked or assessing,
 * operators all. */
bool shell_may_see_case(const struct work *w, const pb_case *c);

#endif
