/* Cold records for a rebuild: what the journal has and Redis has not must be in the ledger's file
 * of cold records with the same content, and Redis' filter must lead there. */
#ifndef LIU_LIUCTL_COLD_CHECK_H
#define LIU_LIUCTL_COLD_CHECK_H

#include "crypto/crypto.h"
#include "liuctl/store_session.h"
#include "services/ledger/cold_file.h"

struct cold_check {
    struct session *session;
    struct cold_file *file; /* NULL = there is none, or no archive_dir is configured */
    struct buf filter;
    size_t found;
};

/* Opens the file if there is one, and reads the filter anew: before each comparison. CLI_OK, or an
 * exit status with a message printed. */
int cold_check_begin(struct cold_check *k, struct session *s);
void cold_check_end(struct cold_check *k);

/* `key` is "kind/id". NULL: it is cold and as it should be; else what is wrong. */
const char *cold_check_record(struct cold_check *k, const char *key, uint64_t revision,
                              const uint8_t digest[SHA256_BYTES]);

#endif
