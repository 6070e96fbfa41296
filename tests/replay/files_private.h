/* Between files.c (names, bytes, what is on the disk) and files_calls.c (the C library's calls). */
#ifndef LIU_TESTS_REPLAY_FILES_PRIVATE_H
#define LIU_TESTS_REPLAY_FILES_PRIVATE_H

#include "replay/files.h"

#include <stddef.h>
#include "base/hash.h"

#define FILES_TOP "/sim"
#define FILES_PATH 256
#define LOST_DIRS 16

struct inode {
    struct inode *next;
    bool is_dir;
    bool synced;
    uint64_t changed; /* folder: its last change, as a time */
    int64_t at_s;     /* file: its last change, by the machine's clock */
    uint8_t *data;    /* as it is seen */
    size_t n, cap;
    uint8_t *disk; /* as of the last fsync */
    size_t n_disk;
};

struct name {
    struct inode *inode;
    UT_hash_handle hh;
    char path[];
};

struct change { /* of a name, not on the disk yet */
    struct change *next;
    struct inode *inode; /* NULL: the name goes */
    char path[FILES_PATH];
    char from[FILES_PATH]; /* a renaming; "" = none */
};

struct files {
    struct name *names, *on_disk;
    struct inode *inodes;
    struct change *changes, *last_change;
    uint64_t dir_changes;
    bool sees_disk;
    bool cutting;
    uint64_t left;
};
extern struct files files;

struct inode *inode_new(bool is_dir);
struct inode *files_find(const char *path); /* NULL = there is none */
size_t files_parent(const char *path);      /* length of the folder's path */
/* The name stands for this from now on; `from`: it was renamed, that name goes. */
void files_change(const char *path, struct inode *i, const char *from);
void files_sync_dir(const char *dir);
void files_sync_bytes(struct inode *i);
bool files_last_change(void); /* counts one; true: it is half done */
/* Before each change: false = it does not happen, errno says why. */
bool files_may_change(void);

#endif
