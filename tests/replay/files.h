/* A file system in memory for what the ledger archives: paths that begin with FILES_ROOT live here,
 * every other one is the machine's. The linker puts it in place of the C library's calls (--wrap).
 *
 * What is written is seen at once and is on the disk only after an fsync: of a file for its bytes,
 * of a folder for the names in it. A loss of power leaves of the rest what chance takes: of each
 * folder the first so many changes, of each file what it was, a beginning of what it is, or
 * nothing.
 */
#ifndef LIU_TESTS_REPLAY_FILES_H
#define LIU_TESTS_REPLAY_FILES_H

#include <stdbool.h>
#include <stdint.h>

#define FILES_ROOT "/sim/"

struct files_count {
    uint64_t failed, cut, losses; /* calls that failed, processes cut off, losses of power */
};

void files_begin(void); /* an empty one */
void files_end(void);

/* Of `n` further changes the last one is half done, and nothing changes afterwards, until
 * files_uncut: the process ends in the midst of its work. */
void files_cut_after(uint64_t n);
bool files_is_cut(void); /* was it reached? */
void files_uncut(void);

void files_power_loss(void);

void lmdb_end(void); /* lmdb.c: what its files hold; before files_end */

/* While on, what would be there after a loss of power is seen, at the worst; nothing may change. */
void files_see_disk(bool on);

extern struct files_count files_count;

#endif
