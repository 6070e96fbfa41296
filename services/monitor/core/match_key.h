/* The normal forms in which identities are compared; internal to the match index.
 *
 * A key is a kind byte and the normalised content, so that one table can hold all kinds.
 */
#ifndef LIU_MONITOR_MATCH_KEY_H
#define LIU_MONITOR_MATCH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_KEY_BYTES 264 /* MATCH_TEXT_MAX, the kind byte, and some */

enum match_kind {
    KIND_NUMBER = 'n',
    KIND_DOMAIN = 'd',
    KIND_RANGE4 = '4',
    KIND_RANGE6 = '6',
    KIND_PRODUCT = 'p',
    KIND_ALIAS = 'a',
};

struct match_key {
    size_t n;
    uint8_t bytes[MATCH_KEY_BYTES];
};

/* Each returns false for what cannot be a key: empty, too long, no address. */
bool match_key_number(struct match_key *k, const char *text);
bool match_key_domain(struct match_key *k, const char *text);
bool match_key_product(struct match_key *k, const char *text);
bool match_key_alias(struct match_key *k, const char *text);

struct match_address {
    enum match_kind kind; /* RANGE4 or RANGE6 */
    unsigned bits;        /* prefix length; 32 or 128 for an address without one */
    uint8_t bytes[16];
};
bool match_address_parse(struct match_address *a, const char *text);

/* The key of the range of `bits` that holds this address: bits beyond are cleared. bits <= a->bits.
 */
void match_key_range(struct match_key *k, const struct match_address *a, unsigned bits);

/* Labels of a domain key, and where in `bytes` its last n labels begin (1 <= n <= labels). */
unsigned match_key_labels(const struct match_key *k);

#endif
