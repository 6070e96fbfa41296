/* A client of the real services: connects as an identity, makes envelopes right or wrong, and reads
 * the replies. Failures of the ground (no memory, no socket) fail the running cmocka test. */
#ifndef LIU_TESTS_SYSTEM_CLIENT_H
#define LIU_TESTS_SYSTEM_CLIENT_H

#include "base/arena.h"
#include "bus/bus.h"
#include "ismap/liu/v1/envelope.pb-c.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "support/stack.h"

#define CLIENT_WAIT_MS 20000
#define ST(x) ISMAP__LIU__V1__STATUS__STATUS_##x

typedef Ismap__Liu__V1__Reply pb_reply;

struct client {
    const struct identity *who;
    struct bus_client *bus;
    struct arena arena; /* everything handed out lives until client_close */
    char last_id[65];   /* of the last envelope */
};

/* How an envelope differs from a plain one. All zero: fresh id, now, no deadline, unsigned. */
struct how {
    const char *id;
    const char *type; /* NULL = the message's */
    uint32_t version; /* 0 = 1 */
    int64_t sent_at_ms;
    int64_t deadline_ms;
    bool sign;
    const struct identity *signer; /* NULL = the client's identity */
    const char *key_id;            /* NULL = the signer's */
    const char *sign_id;           /* sign this id instead of the envelope's */
    const char *instance;          /* NULL = STACK_INSTANCE */
    const uint8_t *payload;        /* NULL = the message packed */
    size_t payload_bytes;
    bool no_payload;
};

void client_open(struct client *c, const struct stack *s, unsigned door,
                 const struct identity *who);
/* The same at any endpoint, with this key of the server. */
void client_open_at(struct client *c, const char *endpoint, const char *server_z85,
                    const struct identity *who);
void client_close(struct client *c);

/* Packed envelope in the arena. */
void client_envelope(struct client *c, const ProtobufCMessage *m, const struct how *h,
                     const uint8_t **data, size_t *bytes);
void client_send(struct client *c, const uint8_t *data, size_t bytes);
/* The next reply of any request; NULL: none in time. */
pb_reply *client_receive(struct client *c, int64_t timeout_ms);
/* The reply to this id, others are dropped; NULL: none in time. */
pb_reply *client_await(struct client *c, const char *id, int64_t timeout_ms);
/* Sends the same bytes every 2 s until the answer is there; NULL: none in CLIENT_WAIT_MS. */
pb_reply *client_exchange(struct client *c, const uint8_t *data, size_t bytes);

/* Envelope and exchange. Never NULL: fails the test. */
pb_reply *client_ask(struct client *c, const ProtobufCMessage *m, const struct how *h);
pb_reply *client_call(struct client *c, const ProtobufCMessage *m); /* unsigned */
pb_reply *client_sign(struct client *c, const ProtobufCMessage *m); /* signed */
/* The same again while the answer is UNAVAILABLE or ABORTED, under the same id. */
pb_reply *client_persist(struct client *c, const ProtobufCMessage *m, bool sign);

/* The reply's payload; fails the test when it is not of this type. */
const void *client_payload(struct client *c, const pb_reply *r,
                           const ProtobufCMessageDescriptor *d);
/* Has the reply a violation of this rule (NULL = any)? */
bool reply_has_rule(const pb_reply *r, const char *rule);
/* Is the receipt's path right, and the root signed by the scheme, for this sender and request id?
 */
bool receipt_verifies(const struct stack *s, const Ismap__Liu__V1__Receipt *r, const char *sender,
                      const char *request_id);

/* FetchEvents and its answer. */
const Ismap__Liu__V1__Events *client_fetch(struct client *c, uint64_t after_seq, uint32_t wait_ms,
                                           const char *type);

#define assert_status(r, want) assert_status_at((r), (want), __FILE__, __LINE__)
void assert_status_at(const pb_reply *r, Ismap__Liu__V1__Status want, const char *file, int line);

#endif
