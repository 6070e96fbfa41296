/* What has left Redis, for a rebuild: records that the journal has and Redis has not must be in the
 * ledger's file of cold records with the same content, and Redis' filter must lead there; receipts
 * of the last days that the journal carries likewise. */
#ifndef LIU_LIUCTL_COLD_CHECK_H
#define LIU_LIUCTL_COLD_CHECK_H

#include "crypto/crypto.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/store_session.h"
#include "services/ledger/cold_file.h"

#define COLD_FILTERS_MAX 64

struct cold_check {
    struct session *session;
    struct cold_file *file; /* NULL = there is none, or no archive_dir is configured */
    struct buf filter;
    size_t found;

    /* receipts */
    uint64_t stored; /* of entries up to here the file has them */
    struct buf left; /* filters, one behind the other */
    struct left_filter {
        size_t at;
        uint64_t bits;
    } filters[COLD_FILTERS_MAX];
    size_t n_filters;
    size_t receipts; /* that have left */
    void *waiting;   /* what a reply of Redis is for */
};

/* Opens the file if there is one, and reads the filter anew: before each comparison. CLI_OK, or an
 * exit status with a message printed. */
int cold_check_begin(struct cold_check *k, struct session *s);
void cold_check_end(struct cold_check *k);

/* `key` is "kind/id". NULL: it is cold and as it should be; else what is wrong. */
const char *cold_check_record(struct cold_check *k, const char *key, uint64_t revision,
                              const uint8_t digest[SHA256_BYTES]);

/* Before the walk: the file, if there is one. */
int cold_check_open(struct cold_check *k, struct session *s);
/* An entry of the walk: NULL, or what is wrong with the receipt that it carries. */
const char *cold_check_entry(struct cold_check *k, uint64_t seq,
                             const Ismap__Liu__V1__JournalEntry *entry);
/* Each receipt of the file is led to by a filter, or is still in Redis; `fn` is told of others. */
int cold_check_receipts(struct cold_check *k,
                        void (*fn)(void *arg, const char *id, const char *what), void *arg);

#endif
