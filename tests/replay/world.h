/* What a simulation begins with: parties with their keys, rules, catalogue, and the messages of
 * examples/. Loaded once a process; every run begins with the same genesis.
 */
#ifndef LIU_TESTS_REPLAY_WORLD_H
#define LIU_TESTS_REPLAY_WORLD_H

#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "ismap/liu/v1/scope.pb-c.h"
#include "replay/sim.h"

struct party {
    const char *id;
    Ismap__Liu__V1__Role role;
    char curve[2][CURVE_Z85_BYTES]; /* the second one is for changing keys */
    struct signing_key *signing[2];
    const Ismap__Liu__V1__Party *record; /* NULL for feeds */
    const Ismap__Liu__V1__Feed *feed;
};

/* A message of examples/: key is the file's name up to the first dot, `who` the part behind the
 * last dash where there is one (assessments), else "". */
struct example {
    const char *key;
    const char *who;
    const ProtobufCMessage *message;
};
struct examples {
    struct example items[32];
    size_t n;
};

#define WORLD_RULEBOOKS 3
#define WORLD_PARTIES 24

struct world {
    struct arena arena;
    struct party parties[WORLD_PARTIES];
    size_t n_parties;
    const Ismap__Liu__V1__Rulebook *rulebooks[WORLD_RULEBOOKS]; /* A, A with a low brake, B */
    const uint8_t *canonical[WORLD_RULEBOOKS];
    size_t canonical_bytes[WORLD_RULEBOOKS];
    const Ismap__Liu__V1__TargetList *targets;
    const Ismap__Liu__V1__Catalogue *catalogue;
    struct examples cases, assessments, registrations, uses, alerts, additions;
};

extern struct world world;

/* `root` is the source tree (borrowed). False: it said why on stderr. */
bool world_load(const char *root);
void world_free(void);
const char *world_root(void);
void world_genesis(void);

const struct party *world_party(const char *id); /* NULL = none */
const struct example *world_example(const struct examples *e, const char *key, const char *who);
/* A message from a JSON file below the root, in the arena; NULL: it said why. */
const ProtobufCMessage *world_read(struct arena *a, const char *path,
                                   const ProtobufCMessageDescriptor *d);
/* A party's record with its first or second pair of keys. */
Ismap__Liu__V1__PartyKeys *world_keys(struct arena *a, const struct party *p, unsigned which);
/* An assessment signed for its provider. */
Ismap__Liu__V1__SignedAssessment *world_signed(struct arena *a,
                                               const Ismap__Liu__V1__Assessment *s);

#endif
