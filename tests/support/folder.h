/* Folders of a test's own. In the header: most tests link nothing of this folder. */
#ifndef LIU_TESTS_SUPPORT_FOLDER_H
#define LIU_TESTS_SUPPORT_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

static inline int test_folder_remove_one(const char *path, const struct stat *st, int type,
                                         struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* Removes it with all that is in it; 0 = it is gone, or was not there. */
static inline int test_folder_remove(const char *dir)
{
    return access(dir, F_OK) != 0 ? 0 : nftw(dir, test_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
