/* How much memory Redis has for a restore, and how much it needs: looked at before anything is
 * written (docs/decisions/0028).
 */
#ifndef LIU_LIUCTL_RESTORE_ROOM_H
#define LIU_LIUCTL_RESTORE_ROOM_H

#include "liuctl/backup_set.h"
#include "liuctl/store_session.h"

/* Bytes, about; the caller counts what is not of the records. */
struct restore_room {
    uint64_t stays;    /* whatever happens */
    uint64_t leaves;   /* unless it may leave */
    uint64_t n_leaves; /* records that may */
    uint64_t receipts; /* receipts that may */
    uint64_t max;      /* Redis' maxmemory; 0 = no limit, or no Redis to ask */
    uint64_t noise;    /* in Redis: a recovery leaves it where it is */
};

/* Memory of an entry in Redis' journal, of its receipt, and of a record. */
uint64_t restore_room_entry(size_t bytes, size_t audience);
uint64_t restore_room_receipt(size_t bytes);

/* Adds the records of a backup; those of which entries behind the archive's end tell, and which
 * stay, the caller has counted beside. */
void restore_room_records(struct restore_room *r, const struct backup_records *records);

/* Asks Redis. CLI_OK, or an exit status with a message printed. */
int restore_room_ask(struct restore_room *r, struct session *s,
                     const struct backup_records *records);

/* Whether all of it has room without pressure (lib/store/budget.h): then nothing leaves. Else
 * *leave, and CLI_REFUSED with the amount when what stays has no room either. */
int restore_room_look(const struct restore_room *r, struct cli *c, bool *leave);

#endif
