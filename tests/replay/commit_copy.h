/* Copies in an arena: a command that is on its way outlives its sender. Never NULL but for NULL. */
#ifndef LIU_TESTS_REPLAY_COMMIT_COPY_H
#define LIU_TESTS_REPLAY_COMMIT_COPY_H

#include "base/arena.h"
#include "store/commit.h"

void *copy_bytes(struct arena *a, const void *p, size_t n);
const char *copy_text(struct arena *a, const char *s);
/* With all that it points to. */
const struct commit *commit_copy(struct arena *a, const struct commit *c);

#endif
