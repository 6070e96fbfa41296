/* What must hold, whatever happened. Fed by the journal as it grows and by what agents are told;
 * breaks are told to sim_fail.
 *
 * After each event: every entry follows the one before, each cause has its effect once, each
 * record's move is in its state table, revisions go up by one, a listing belongs to the case's
 * provider and has its verdict and plan, an event tells nobody whom its rule does not name, a
 * suspended incident has its hold. At the end: records are what the journal says, and nothing that
 * was taken waits for ever.
 */
#ifndef LIU_TESTS_REPLAY_CHECK_H
#define LIU_TESTS_REPLAY_CHECK_H

#include "replay/agent.h"
#include "services/ledger/snapshot.h"

void check_begin(void);
void check_end(void);
/* Takes in what the journal has got since. */
void check_journal(void);
/* A receipt that an agent got. */
void check_receipt(const struct request *r, const pb_receipt *receipt);
/* A refusal although the message took effect before it arrived. */
void check_refusal(const struct request *r, int status);
/* An event that an agent was told. */
void check_told(const struct agent *a, const Ismap__Liu__V1__Event *e);
void check_followed(const struct agent *a);
bool check_revoked(enum record_kind kind, const char *id);
/* Is a snapshot's record what the journal said when this entry was its last? How many were there?
 */
void check_as_of(uint64_t seq, const struct snapshot_record *r);
uint64_t check_count_as_of(uint64_t seq);
/* When nothing is under way any more. */
void check_settled(void);

#endif
