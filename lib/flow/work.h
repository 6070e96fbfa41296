/* One piece of work: a message, an event of the journal, or a timer, on its way from input to
 * commit.
 *
 * A decide function is handed a work and asks for the records it needs. What is not loaded yet
 * makes it return DECIDE_WAIT; it is called again from the start when the records are there. So it
 * must have no side effects but those on the work, and reads like straight-line code:
 *
 *     const Ismap__Liu__V1__Case *c;
 *     if (!work_get(w, RECORD_CASE, m->case_id, (const void **)&c))
 *         return DECIDE_WAIT;
 *     if (c == NULL)
 *         return work_refuse(w, ISMAP__LIU__V1__STATUS__STATUS_NOT_FOUND, "caseId", "P-NOT-FOUND",
 * ja, en);
 *
 * Every record that was read is guarded: the commit happens only if none of them has changed, else
 * the function runs again on fresh records (at most LIMIT_COMMIT_ATTEMPTS times, then ABORTED). Ask
 * for several records before returning DECIDE_WAIT (use & not &&), so that they are read in one
 * round trip.
 *
 * All memory comes from the work's arena and lives until the answer has gone out.
 */
#ifndef LIU_FLOW_WORK_H
#define LIU_FLOW_WORK_H

#include <stdbool.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "crypto/crypto.h"
#include "ismap/liu/v1/envelope.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "store/records.h"

struct work;

enum decide { DECIDE_DONE, DECIDE_WAIT };

typedef enum decide work_fn(struct work *w, void *service_state);

/* ---- the input */

struct arena *work_arena(struct work *w);
int64_t work_now_ms(
    const struct work *w); /* the same for every run of one attempt; stored with the event */
const void *work_message(const struct work *w); /* unpacked payload of the message or event */
const uint8_t *work_payload(const struct work *w, size_t *bytes); /* as received */
const char *
work_actor(const struct work *w); /* party or feed id; consumer name; service of a timer */
Ismap__Liu__V1__Role work_role(const struct work *w);
const char *
work_door(const struct work *w); /* "main", "urgent", "bulk"; "" for events and timers */
uint64_t work_event_seq(const struct work *w);       /* events */
const char *work_timer_record(const struct work *w); /* timers */
const char *work_cause(const struct work *w);        /* id of the commit this will be */

/* A short id that is the same whenever this work is repeated: prefix-XXXXXXXXXXXXXXXX (16 of
 * base32). */
const char *work_derive_id(struct work *w, const char *prefix);

/* ---- reading; false = return DECIDE_WAIT */

/* *message is the unpacked record, NULL when it does not exist. */
bool work_get(struct work *w, enum record_kind kind, const char *id, const void **message);

/* False: something was taken from memory that may be old (urgent works, their first attempt). If
 * what is decided now writes nothing, it will be decided once more on what Redis holds; so say it
 * aloud (log, metrics) only when this is true. */
bool work_certain(const struct work *w);

/* The rulebook in force. Its hash goes with every entry of this work. *rules NULL: none is active.
 */
bool work_rulebook(struct work *w, const Ismap__Liu__V1__Rulebook **rules, const char **hash);

/* A page of all records of a kind, in no order, not guarded: for lists only. */
struct work_page {
    const char *next_page; /* "" = last */
    const char *const *ids;
    const void *const *messages;
    size_t n;
};
bool work_scan(struct work *w, enum record_kind kind, const char *page, uint32_t max,
               struct work_page *out);

/* Journal head and epoch read from Redis before the other reads of this run: "as of". */
bool work_head(struct work *w, uint64_t *seq, const char **epoch);

/* The service's views have taken in all that was in the journal when this was first asked. For
 * decisions on what a view does not show: something acknowledged just before may be on its way.
 * True after a second even if they have not: the decision must not wait for ever. */
bool work_views_current(struct work *w);

/* ---- the outcome; all of it is dropped when the function runs again */

/* Writes a record of this service. It must have been read by work_get, or be new (then it must not
 * exist). */
void work_put(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m);

/* Adds a journal entry with this payload for this audience (party ids, "public"; operators see
 * all). The records put by this work travel with its first entry. A work that puts records and
 * emits nothing gets an entry of type "" automatically, unless work_quiet was called. */
void work_emit(struct work *w, const ProtobufCMessage *event, const char *const *audience,
               size_t n_audience);

/* Timer of this service: at due_ms the timer row `kind` runs for `record`. One for each (kind,
 * record): setting again moves it; due_ms < 0 removes it. */
void work_timer(struct work *w, const char *kind, const char *record, int64_t due_ms);

/* Monitor: bytes for a feed's stream of noise; and no journal entry for records put (lanes,
 * counters). */
void work_noise(struct work *w, const char *feed, const uint8_t *data, size_t bytes);
void work_quiet(struct work *w);

/* The answer of an accepted message or of a query; packed here, so it may live on the stack. */
void work_reply(struct work *w, const ProtobufCMessage *payload);

/* Refuses: the first call sets the status, further calls add details. Returns DECIDE_DONE, so that
 * `return work_refuse(...)` reads well. Texts are copied. For an event it means quarantine: it
 * failed for good. */
enum decide work_refuse(struct work *w, Ismap__Liu__V1__Status status, const char *field,
                        const char *rule, const char *ja, const char *en);
bool work_refused(const struct work *w);

/* Out of memory in the handler: RESOURCE_EXHAUSTED, or try again later for events. */
enum decide work_no_memory(struct work *w);

/* The same, of what the service keeps in memory: a view lacks something for want of it, so the
 * service ends, to start again from the records. */
enum decide work_start_again(struct work *w);

/* Signs with this service's scheme key; *key_id is borrowed. ERR_UNAVAILABLE when the service has
 * none. */
enum err work_sign(struct work *w, const char *domain, const struct crypto_part *parts, size_t n,
                   uint8_t out[ED25519_SIGNATURE_BYTES], const char **key_id) LIU_MUST_USE;

#endif
