/* What has left the store is in the ledger's table, at the end, and answers as if it never had. */
#ifndef LIU_TESTS_REPLAY_CHECK_COLD_H
#define LIU_TESTS_REPLAY_CHECK_COLD_H

#include <stdbool.h>
#include <stdint.h>

struct check_cold_count { /* of all runs */
    uint64_t runs, left, back, asked, found, waited, away, recalled;
};
extern struct check_cold_count check_cold_count;

bool check_cold_rests(void); /* the ledger can answer for all that has left */
void check_cold_settled(void);

#endif
