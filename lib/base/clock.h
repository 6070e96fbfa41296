/* The clocks of the shell. Cores never include this: time is an input to them. */
#ifndef LIU_BASE_CLOCK_H
#define LIU_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since the epoch, from the wall clock. */
int64_t clock_wall_ms(void);

/* For durations: never runs backwards. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

#endif
