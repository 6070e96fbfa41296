/* A SIGKILL before or after the nth change of a name, in tests that wrap rename and unlink
 * (-Wl,--wrap=rename,--wrap=unlink).
 */
#ifndef LIU_TESTS_LEDGER_KILL_STEP_H
#define LIU_TESTS_LEDGER_KILL_STEP_H

#include <stdbool.h>

struct kill_step {
    int at; /* < 0 = never */
    bool before;
    bool (*counts)(const char *path, bool renamed); /* the new name, or what is unlinked */
    int so_far;
};
extern struct kill_step kill_step;

int __real_unlink(const char *path); /* counts for nothing */

#endif
