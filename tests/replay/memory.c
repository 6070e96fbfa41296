/* See memory.h. */
#include "replay/memory.h"

#include "replay/sim.h"

static uint64_t left;
static unsigned calm;
static bool failed;

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *p, size_t n);

void memory_fails_at(uint64_t n)
{
    left = n;
}

bool memory_failed(void)
{
    bool is = failed;
    failed = false;
    return is;
}

void memory_calm(void)
{
    calm++;
}

void memory_uncalm(void)
{
    calm--;
}

static bool fails(void)
{
    if (left == 0 || calm > 0 || sim.current == NULL || --left > 0)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : malloc(n);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : calloc(n, bytes);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : realloc(p, n);
}
