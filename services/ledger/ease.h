/* Long work on a thread of its own that leaves the processor to others: it is done in short pieces
 * with a rest behind each. A priority alone does not do it: the kernel weighs sessions and
 * containers before threads, and lets a piece of work go on for a while that has begun.
 */
#ifndef LIU_LEDGER_EASE_H
#define LIU_LEDGER_EASE_H

#include <stdatomic.h>

/* The calling thread takes at most `percent` (1 to 100) of a processor from now on. Once `*hurry`
 * (borrowed, as long as the thread calls ease) is true it rests no more. A thread that never calls
 * this never rests. */
void ease_begin(unsigned percent, const atomic_bool *hurry);

/* Between pieces of work: rests when it is time to. Cheap; call it at least every 100
 * microseconds of work. */
void ease(void);

#endif
