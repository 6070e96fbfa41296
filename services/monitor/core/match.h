/* Which listing (登録サービス) does an alert speak of? An index in memory over the identities that
 * providers registered: registration number, registered domains, address ranges, product
 * identifiers, aliases.
 *
 * Ways are tried from the most exact to the least, in the order of enum match_how; the first that
 * finds anything decides. When two listings are equally exact (same domain, same range, same alias)
 * the match is UNCLEAR: a person decides, never the order of a table.
 *
 * One hash table holds all keys, so a look-up costs one probe for each way, one for each number of
 * labels in use (domains) and one for each prefix length in use (ranges). The hash is keyed,
 * because identities come from outside. Pure: memory, but no clock and no input/output.
 */
#ifndef LIU_MONITOR_MATCH_H
#define LIU_MONITOR_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "services/monitor/core/sip.h"

#define MATCH_TEXT_MAX                                                                             \
    255 /* bytes of a number, domain, identifier or alias; longer never match                      \
         */
#define MATCH_KEYS_PER_LISTING 1024 /* identities of one listing */

struct match_index; /* owns copies of all it is given; one thread */

struct match_listing {
    const char *number;
    const char *const *domains; /* case, a trailing dot and a leading "*." do not matter */
    size_t n_domains;
    const char *const *ranges; /* CIDR; an address without length is a range of one */
    size_t n_ranges;
    const char *const *product_ids; /* ASCII case and outer blanks do not matter */
    size_t n_product_ids;
    const char *const *aliases; /* as products; full-width ASCII is half-width, blanks count once */
    size_t n_aliases;
};

/* NULL or "" = not stated. */
struct match_ref {
    const char *number;
    const char *domain;
    const char *address;
    const char *product_id;
    const char *alias;
};

enum match_how {
    MATCH_NOTHING,
    MATCH_NUMBER,
    MATCH_DOMAIN,  /* the longest registered suffix on a label boundary */
    MATCH_ADDRESS, /* the longest prefix; IPv4 within IPv6 (::ffff:a.b.c.d) is IPv4 */
    MATCH_PRODUCT,
    MATCH_ALIAS,
    MATCH_UNCLEAR, /* several listings, equally exact */
};

struct match_found {
    enum match_how how;
    const char *number; /* borrowed until the next put or remove; NULL for NOTHING and UNCLEAR */
    const char *first;  /* UNCLEAR: two of the listings meant; else NULL */
    const char *second;
};

/* Holds up to `listings_max` listings. ERR_NOMEM. */
enum err match_create(const struct sip_key *secret, size_t listings_max,
                      struct match_index **out) LIU_MUST_USE;
void match_destroy(struct match_index *ix); /* NULL-safe */

/* Adds a listing or replaces what is known of that number. Identities that cannot be read (no
 * address, too long) are left out and counted in *left_out (may be NULL). ERR_INVAL without a
 * number, ERR_LIMIT with too many listings, ERR_NOMEM: then the listing may be found by some of its
 * identities only. */
enum err match_put(struct match_index *ix, const struct match_listing *l,
                   size_t *left_out) LIU_MUST_USE;

/* Forgets a listing; what was unclear because of it becomes clear. Unknown numbers are fine. */
void match_remove(struct match_index *ix, const char *number);

struct match_found match_find(const struct match_index *ix, const struct match_ref *ref);

size_t match_listings(const struct match_index *ix);
size_t match_keys(const struct match_index *ix); /* pairs of identity and listing */

#endif
