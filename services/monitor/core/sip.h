/* A keyed 64-bit hash (SipHash-1-3, public design by Aumasson and Bernstein) for tables whose keys
 * come from outside, and for the short digests a lane keeps of its alerts.
 *
 * With a secret key nobody outside can make keys collide on purpose. With a fixed key it is a
 * checksum: good against accidents and lost counters, not against someone who looks for collisions.
 */
#ifndef LIU_MONITOR_SIP_H
#define LIU_MONITOR_SIP_H

#include <stddef.h>
#include <stdint.h>

struct sip_key {
    uint64_t k0;
    uint64_t k1;
};

/* `data` may be NULL when n is 0. The result does not depend on the machine's byte order. */
uint64_t sip_hash(const struct sip_key *key, const void *data, size_t n);

#endif
