/* What was restored is compared with the backup. */
#ifndef LIU_LIUCTL_RESTORE_VERIFY_H
#define LIU_LIUCTL_RESTORE_VERIFY_H

#include "liuctl/backup_set.h"
#include "liuctl/store_session.h"

/* Each of the records is in the session's Redis as the backup has it, or, when some are `cold`, in
 * the ledger's table with a filter that leads there (cold_check.h); nothing else is in Redis, and
 * its head is this. CLI_OK, or an exit status with each difference printed. Marks the records. */
int restore_verify(struct session *s, struct backup_records *records, uint64_t head, bool cold);

#endif
