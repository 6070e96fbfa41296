/* A small scheme on a real stack: the parties of examples/, their messages, and the steps of a
 * service's life. All of it fails the running cmocka test when something does not work. */
#ifndef LIU_TESTS_SYSTEM_RIG_H
#define LIU_TESTS_SYSTEM_RIG_H

#include "client.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"

#define RIG_IDENTITIES 16

struct rig {
    struct stack stack;
    struct arena arena; /* messages made here live until rig_down */
    struct identity ids[RIG_IDENTITIES];
    size_t n_ids;
    struct client operator_; /* at intake's main door, when intake runs */
    bool has_operator;
};

/* cmocka group fixtures. */
int rig_up(struct rig *r, unsigned services, const char *const *redis_extra);
int rig_down(struct rig *r); /* -1 when a service left a sanitizer's report */

/* A message of examples/ (path within it). */
void *rig_message(struct rig *r, const ProtobufCMessageDescriptor *d, const char *example);

/* Keys for an identity that is not registered (yet). */
const struct identity *rig_stranger(struct rig *r, const char *id);
/* The party of examples/parties/<id>.json, registered at intake by the operator. */
const struct identity *rig_party(struct rig *r, const char *id);
/* The feed of examples/feeds/<id>.json, registered at monitor. */
const struct identity *rig_feed(struct rig *r, const char *id);
const struct identity *rig_who(struct rig *r, const char *id);
/* Its keys as a message carries them. */
Ismap__Liu__V1__PartyKeys *rig_keys(struct rig *r, const struct identity *who);
/* The operator revokes it; returns the reply. */
pb_reply *rig_revoke(struct rig *r, const char *id);

/* Until the service has taken in the journal up to this sequence. */
void rig_tailed(struct rig *r, enum stack_service svc, uint64_t seq);

/* ---- steps; each returns ids in the rig's arena */

/* acme's pre-application of examples/cases/<key>.json, asking a ministry (NULL = none). */
Ismap__Liu__V1__SubmitPreApplication *rig_application(struct rig *r, const char *key,
                                                      const char *asked);
const char *rig_open_case(struct rig *r, const char *provider, const char *key, const char *asked);
/* The ministry's sheet of examples/assessments/<sheet>.json for this case. */
Ismap__Liu__V1__SubmitAssessment *rig_assessment(struct rig *r, const char *case_id,
                                                 const char *sheet);
void rig_assess(struct rig *r, const char *case_id, const char *sheet, const char *ministry);
/* Waits for the verdict ELIGIBLE, then for the plan. */
void rig_await_eligible(struct rig *r, const char *case_id, const char *provider);
void rig_await_plan(struct rig *r, const char *case_id, const char *provider);
/* Dates of the example are moved to this year. */
const char *rig_register(struct rig *r, const char *case_id, const char *key, const char *provider);
void rig_decide(struct rig *r, const char *number);
void rig_use(struct rig *r, const char *number, const char *ministry);
/* One alert of the gravest effect about this domain. */
Ismap__Liu__V1__PushAlerts *rig_alert(struct rig *r, uint64_t seq, const char *domain,
                                      Ismap__Liu__V1__EffectLevel effect);
/* As the public sees it at intake. */
Ismap__Liu__V1__EffectiveState rig_state(struct rig *r, const char *number, const char *asker);
bool rig_procurable(struct rig *r, const char *number, const char *asker);

#endif
