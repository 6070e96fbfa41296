/* From where on there is a journal, for commands that would read it from an earlier entry. */
#ifndef LIU_LIUCTL_JOURNAL_FIRST_H
#define LIU_LIUCTL_JOURNAL_FIRST_H

#include "liuctl/store_session.h"

/* *store = the first entry that Redis has, 0 = none. *first = the first one there is anywhere, when
 * what came before is kept no more (services/ledger/journal_begins.h); 0 = it begins with entry 1,
 * or what is not there is missing, or the configuration names no archive. CLI_OK, or an exit status
 * with a message printed. */
int journal_first(struct session *s, uint64_t *store, uint64_t *first);

#endif
