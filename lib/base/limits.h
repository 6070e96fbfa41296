/* Every bound of the system by name. A queue, list or buffer without a line here does not exist. */
#ifndef LIU_BASE_LIMITS_H
#define LIU_BASE_LIMITS_H

/* frames */
#define LIMIT_FRAME_BYTES (1024 * 1024)      /* ZMQ_MAXMSGSIZE, per frame */
#define LIMIT_URGENT_FRAME_BYTES (32 * 1024) /* the urgent door */
#define LIMIT_FRAMES_PER_MESSAGE 2           /* routing id and envelope */
#define LIMIT_PAYLOAD_BYTES (256 * 1024)     /* default of a dispatch row */
#define LIMIT_REPLY_BYTES (512 * 1024)
#define LIMIT_NESTING 12 /* depth of JSON input */

/* one piece of work */
#define LIMIT_WORK_ARENA_BYTES (8 * 1024 * 1024)
#define LIMIT_WORKS_BYTES (192 * 1024 * 1024) /* all messages together, the urgent door apart */
#define LIMIT_VIOLATIONS 64                   /* faults told in one answer */
#define LIMIT_WORK_READS 128                  /* records one decision may ask for */
#define LIMIT_WORK_WRITES 64
#define LIMIT_WORK_ENTRIES 40   /* journal entries of one commit */
#define LIMIT_AUDIENCE 256      /* parties told of one event */
#define LIMIT_COMMIT_ATTEMPTS 8 /* CONFLICTs before ABORTED */

/* records a service keeps in memory for its urgent works */
#define LIMIT_KEPT_RECORDS 400000 /* about 100 bytes each, beside the value */
#define LIMIT_KEPT_BYTES (64 * 1024 * 1024)

/* in flight */
#define LIMIT_WORKS_IN_FLIGHT 8192
#define LIMIT_WORKS_URGENT 1024 /* of these, kept for the urgent door */
#define LIMIT_PARTY_IN_FLIGHT 512
#define LIMIT_WAITERS_PER_RECORD 256
#define LIMIT_BATCH_REQUESTS 32 /* independent requests of one Function call */
#define LIMIT_BATCH_BYTES (512 * 1024)
#define LIMIT_BATCHES_IN_FLIGHT 4
#define LIMIT_CONSUMER_EVENTS 32 /* events one consumer commit may cover */
#define LIMIT_TIMERS_PER_TURN 64
#define LIMIT_DUE_IN_FLIGHT 4      /* timers of a service that are being decided or committed */
#define LIMIT_DUE_IN_LINE 64       /* and that were found due with them */
#define LIMIT_MESSAGES_PER_TURN 64 /* of one socket */

/* events */
#define LIMIT_FETCH_EVENTS 256
#define LIMIT_FETCH_BYTES (256 * 1024)
#define LIMIT_FETCH_WAIT_MS 30000
#define LIMIT_WAITERS 4096
#define LIMIT_WAITERS_PER_PARTY 512

/* the loop */
#define LIMIT_LOOP_SOURCES 256 /* sockets and descriptors */
#define LIMIT_LOOP_TIMERS 16384

/* receipts */
#define LIMIT_RECEIPT_WINDOW_MS (72LL * 3600 * 1000)
#define LIMIT_RECEIPTS_PER_PARTY 5000000       /* within the window */
#define LIMIT_REPLY_JOURNALED (16 * 1024)      /* a longer one stays in Redis with its receipt */
#define LIMIT_CLOCK_AHEAD_MS (5LL * 60 * 1000) /* how far a sender's clock may lead */
/* How far the journal may lead a service's clock and still be followed: less than the window, so
 * that one clock that is far ahead makes no other service refuse what is sent now. */
#define LIMIT_CLOCK_FOLLOWED_MS (48LL * 3600 * 1000)

/* alerts */
#define LIMIT_ALERTS_URGENT 16
#define LIMIT_ALERTS_BULK 256
#define LIMIT_LANE_OUTCOMES 64 /* of one message, kept in the lane for a feed that asks again */

/* Redis */
#define LIMIT_REDIS_REPLY_BYTES (64 * 1024 * 1024)
#define LIMIT_REDIS_REPLY_ELEMENTS 65536
#define LIMIT_UNCONFIRMED_MS 60000 /* a service with an urgent door waits for the ledger's word */
#define LIMIT_REDIS_PENDING 8192   /* commands without an answer, a connection */

#endif
