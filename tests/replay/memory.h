/* Allocations that fail: of the services alone. What stands in for libraries, checks and agents
 * take their memory by the real functions (this header names them so), or between memory_calm and
 * memory_uncalm where they use lib/base.
 */
#ifndef LIU_TESTS_REPLAY_MEMORY_H
#define LIU_TESTS_REPLAY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *p, size_t n);

#define malloc(n) __real_malloc(n)
#define calloc(n, bytes) __real_calloc(n, bytes)
#define realloc(p, n) __real_realloc(p, n)

/* The n-th allocation of a service from now on fails, once; 0 = none does. */
void memory_fails_at(uint64_t n);
bool memory_failed(void); /* since this was asked last */
void memory_calm(void);
void memory_uncalm(void);

#endif
