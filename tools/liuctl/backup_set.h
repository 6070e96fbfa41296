/* The files of a backup, shared by backup and restore:
 *
 *   manifest.json  written last: format, epoch, head, link, records, digest of the records, and of
 *                  each other file its name, bytes and SHA-256; format 2 also first and snapshot
 *   journal/       the whole journal as segments (services/ledger/segment.h); format 2: as much as
 *                  there is, from the entry `first` on, and a segment ends with the snapshot's
 * entry snapshots/     format 2: the records as the entry `snapshot` left them, one file. Both
 * folders are then as those of an archive that begins late (services/ledger/snapshot.h) state what
 * no entry carries, one line each, tab-separated: cursor|lane <id> <hexadecimal value> timer
 * <owner> <due in ms> <member> receipt <party> <message id> <hexadecimal value>
 */
#ifndef LIU_LIUCTL_BACKUP_SET_H
#define LIU_LIUCTL_BACKUP_SET_H

#include <uthash.h>

#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/cli.h"
#include "store/records.h"

#define BACKUP_FORMAT 1 /* the journal begins with entry 1 */
#define BACKUP_LATE 2   /* it begins late */
#define BACKUP_PATH_BYTES 4096

/* Is a record of this kind state of the scheme (and so in the journal), not a place in a stream? */
bool backup_kind(enum record_kind kind);

/* The records as the journal leaves them, by kind and id. */
struct backup_record {
    char key[160];
    uint64_t revision;
    size_t bytes;
    uint8_t digest[SHA256_BYTES];
    bool seen;
    UT_hash_handle hh;
};
struct backup_records {
    struct backup_record *all;
};
enum err backup_records_take(struct backup_records *r,
                             const Ismap__Liu__V1__JournalEntry *e) LIU_MUST_USE;
/* One record, in place of an earlier one; `id` need not end in NUL. */
enum err backup_records_put(struct backup_records *r, uint32_t kind, const char *id,
                            size_t id_bytes, uint64_t revision, const uint8_t *value,
                            size_t bytes) LIU_MUST_USE;
struct backup_record *backup_records_find(struct backup_records *r, int kind, const char *id);
/* Over all of them, in the order of their keys. */
enum err backup_records_digest(struct backup_records *r,
                               char hex[2 * SHA256_BYTES + 1]) LIU_MUST_USE;
void backup_records_fini(struct backup_records *r);

/* False when it does not fit. */
bool backup_path(char out[BACKUP_PATH_BYTES], const char *dir, const char *name);
/* {"name", "bytes", "sha256"} of a file, NULL when it cannot be read. */
json_t *backup_file(const char *dir, const char *name);

#endif
