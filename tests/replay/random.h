/* Random numbers that are the same for the same seed on every machine. */
#ifndef LIU_TESTS_REPLAY_RANDOM_H
#define LIU_TESTS_REPLAY_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* splitmix64: any state will do, also 0. */
static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 .. n - 1; n > 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    return rng_next(r) % n;
}

static inline bool rng_chance(struct rng *r, unsigned in_1000)
{
    return rng_below(r, 1000) < in_1000;
}

#endif
