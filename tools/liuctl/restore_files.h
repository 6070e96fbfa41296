/* What a restore (backup_set.h) puts into files rather than into Redis: the archive of the new
 * epoch.
 *
 *   backup   first .... (snapshot) ............. head
 *   archive  first ........................ upto        chained anew, with the snapshot if there is
 *   Redis                          begins + 1 .. head
 *
 * Redis' journal needs its last entry, and those that a consumer has not seen. What is in the
 * archive already need not be in Redis; in the archive of a journal that begins late the entries up
 * to the snapshot's have to be. Links of a journal from entry 1 are made anew, of the new epoch;
 * those of one that begins late go on as they were (docs/decisions/0026).
 */
#ifndef LIU_LIUCTL_RESTORE_FILES_H
#define LIU_LIUCTL_RESTORE_FILES_H

#include <jansson.h>

#include "liuctl/backup_late.h"

struct restore_files {
    struct cli *cli;
    const char *dir; /* the backup */
    char epoch[SEGMENT_EPOCH_DIGITS + 1];
    uint64_t first;            /* entry that the backup begins with */
    uint64_t snapshot;         /* entry of its snapshot; 0 = none: it begins with entry 1 */
    struct snapshot_head head; /* of the snapshot */
    uint64_t upto;
    uint64_t begins;
    char link[LINK_DIGITS + 1]; /* of `begins`; "" = 0 */
    /* of the walk */
    uint64_t seen;
    char last[LINK_DIGITS + 1]; /* of the new epoch */
};

/* Looks at the manifest and the snapshot of the backup, and decides what goes where: every consumer
 * has seen the entries up to `cursor`. CLI_OK, or an exit status with a message printed. */
int restore_files_open(struct cli *c, const char *dir, const json_t *manifest, const char *epoch,
                       uint64_t cursor, struct restore_files *out);

/* An entry of the backup, in order: all before anything else below. ERR_DATA_LOSS with a reason
 * when it is not the one that the snapshot was made at, or the journal does not begin where it
 * should. */
enum err restore_files_entry(struct restore_files *f, const struct segment_entry *e,
                             struct err_text *why) LIU_MUST_USE;

/* Each record of the snapshot, if there is one. */
enum err restore_files_each(const struct restore_files *f,
                            enum err (*fn)(void *arg, const struct snapshot_record *r), void *arg,
                            struct err_text *why) LIU_MUST_USE;

/* Can the archive of the configuration take it? CLI_OK, or an exit status with a message printed.
 */
int restore_files_allowed(struct cli *c);
/* Keeps other restores from the archive of the configuration until the process ends, however that
 * is: each would take the other's for what an interrupted one left. Before the first change; again
 * is no error. CLI_OK, or an exit status with a message printed. */
int restore_files_lock(struct cli *c);
/* Removes what an interrupted restore left in the archive of the configuration, if there is one;
 * `begun`: the epoch it had, whose partition has no head. Before the partition is emptied. ERR_IO.
 */
enum err restore_files_sweep(const struct cli *c, const char *begun,
                             struct err_text *why) LIU_MUST_USE;
/* Begins the archive of the new epoch, empty, under a name of its own, which no other restore may
 * be using: its folder is `out`. */
enum err restore_files_begin(const struct cli *c, char out[FOLDER_PATH_BYTES],
                             struct err_text *why) LIU_MUST_USE;
/* Writes segments and snapshot into it. */
enum err restore_files_write(const struct restore_files *f, struct err_text *why) LIU_MUST_USE;
/* Gives it its name; before Redis' partition gets its head. */
enum err restore_files_settle(const struct restore_files *f, struct err_text *why) LIU_MUST_USE;
/* Removes a folder with all that is in it; none is no error. */
enum err restore_files_remove(const char *path, struct err_text *why) LIU_MUST_USE;

#endif
