/* Folders of files that appear whole or not at all: segments, snapshots. Blocking calls. */
#ifndef LIU_LEDGER_FOLDER_H
#define LIU_LEDGER_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FOLDER_PATH_BYTES 4096
#define FOLDER_NAME_BYTES 80
#define FOLDER_FILES_MAX 4000000u
#define FOLDER_TEMPORARY ".tmp" /* behind the name of a file that is being written */

/* "dir/name" into out; false when it does not fit. */
bool folder_path(char out[FOLDER_PATH_BYTES], const char *dir, const char *name);

/* Makes the folder and all above it; a new folder's entry is made durable in its parent. ERR_INVAL,
 * ERR_IO. */
enum err folder_make(const char *dir, struct err_text *why) LIU_MUST_USE;

/* What was renamed in the folder is durable. ERR_IO. */
enum err folder_sync(const char *path, struct err_text *why) LIU_MUST_USE;

/* The same for the folder and all above it: whatever an earlier process made or renamed, and ended
 * before it had synced, is durable. ERR_IO. */
enum err folder_settle(const char *path, struct err_text *why) LIU_MUST_USE;

/* All of it, however often the system interrupts. ERR_IO. */
enum err folder_write_all(int fd, const uint8_t *p, size_t n) LIU_MUST_USE;

/* The same for much: in pieces, each of which the disk takes before the next one, so that
 * another's fsync does not wait behind all of it; between them a thread that eases rests. Not
 * durable before an fsync. ERR_IO. */
enum err folder_write_gently(int fd, const uint8_t *p, size_t n) LIU_MUST_USE;

/* Names of the files with a suffix, sorted. The names have fixed-width numbers, so that this is the
 * order of positions. A folder that does not exist is an empty one. `clean` removes what an
 * interrupted write left. ERR_IO, ERR_LIMIT, ERR_NOMEM. */
struct folder_names {
    char (*items)[FOLDER_NAME_BYTES];
    size_t n;
    size_t cap;
};
enum err folder_list(const char *dir, const char *suffix, bool clean, struct folder_names *out,
                     struct err_text *why) LIU_MUST_USE;
void folder_names_fini(struct folder_names *l); /* zeroed ones, too */

#endif
