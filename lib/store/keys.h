/* Names of all Redis keys; nothing else builds one. Every key carries the partition's tag, so a
 * commit stays in one slot:
 *
 *   {p0}:head            string  "epoch seq at_ms link", see HEAD below
 *   {p0}:sync            string  written before WAIT where replicas are asked for; means nothing
 *   {p0}:restoring       string  a head while a restore is under way; "done" after it
 *   {p0}:journal         stream  id <seq>-0, fields e (packed JournalEntry), l (link)
 *   {p0}:aud:<party>     stream  id <seq>-0, field t (short type): the journal's index of one party
 *   {p0}:r:<kind>        hash    field id, value 8-byte big-endian revision + packed record
 *   {p0}:cold            string  bits: the filter of the records that have left, see cold.h
 *   {p0}:asked           hash    field kind/id: asked for ("?"), or not cold ("-" and when)
 *   {p0}:left            string  filters of receipts that have left, in the Function's words
 *   {p0}:left:<number>   string  expires: the bits of one
 *   {p0}:rcpt:<party>:<id>
 *                        string  expires: a receipt, see answer.c
 *   {p0}:rcnt:<party>    string  expires: receipts of a party since it was made
 *   {p0}:timers:<owner>  zset    member kind|record, score due in ms
 *   {p0}:noise:<feed>    stream  field d
 *   {p0}:confirmed       string  run_id of the start of Redis that is vouched for
 *   {p0}:bell            channel the sequence of the last commit of who rings, see bell.c
 *
 * A window of rcnt begins with its first receipt, so within a sliding window a party may have up to
 * twice the cap.
 */
#ifndef LIU_STORE_KEYS_H
#define LIU_STORE_KEYS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "store/records.h"

#define KEY_BYTES_MAX 256
#define PARTITION_BYTES_MAX 32

struct key {
    char text[KEY_BYTES_MAX + 1];
    size_t bytes; /* 0 = could not be built: a part is empty or too long */
};

void key_head(struct key *k, const char *partition);
void key_bell(struct key *k, const char *partition); /* a channel, not a key */
void key_sync(struct key *k, const char *partition);
void key_confirmed(struct key *k, const char *partition);
void key_restoring(struct key *k, const char *partition);
void key_journal(struct key *k, const char *partition);
void key_audience(struct key *k, const char *partition, const char *party);
void key_records(struct key *k, const char *partition, enum record_kind kind);
void key_receipt(struct key *k, const char *partition, const char *party, const char *id);
void key_receipts(struct key *k, const char *partition, const char *party);
void key_timers(struct key *k, const char *partition, const char *owner);
void key_cold(struct key *k, const char *partition);
void key_left(struct key *k, const char *partition);
void key_asked(struct key *k, const char *partition);
void key_noise(struct key *k, const char *partition, const char *feed);

/* HEAD: the value of the head key. ERR_PROTO when it is not one. */
#define EPOCH_DIGITS 32
struct head {
    char epoch[EPOCH_DIGITS + 1];
    uint64_t seq;
    int64_t at_ms;
};
enum err head_parse(const char *s, size_t n, struct head *out) LIU_MUST_USE;

/* The sequence of a stream id "<seq>-<n>" of the journal or an audience; ERR_PROTO unless n is 0.
 */
enum err stream_seq(const char *s, size_t n, uint64_t *seq) LIU_MUST_USE;

#endif
