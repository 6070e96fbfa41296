/* uthash that can be without memory: as it comes it ends the process then. What it could not take
 * in is the caller's as before, and HASH_IS_IN says so. The element must be zeroed before.
 */
#ifndef LIU_BASE_HASH_H
#define LIU_BASE_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Behind HASH_ADD...: false = there was no memory. */
#define HASH_IS_IN(element) ((element)->hh.tbl != NULL)

#endif
