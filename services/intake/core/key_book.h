/* Which CURVE key belongs to whom, kept in memory: a key names one sender, so it may not be held by
 * two.
 *
 * A view of the party and feed records, not a record: it follows the journal. Looking a key up is
 * constant time. At most KEY_BOOK_KEYS keys a holder. Single-threaded.
 */
#ifndef LIU_INTAKE_CORE_KEY_BOOK_H
#define LIU_INTAKE_CORE_KEY_BOOK_H

#include <stddef.h>

#include "base/err.h"

#define KEY_BOOK_KEYS 2
#define KEY_BOOK_KEY_BYTES 41 /* Z85 and NUL */
#define KEY_BOOK_ID_BYTES 40

struct key_book;

enum err key_book_create(struct key_book **out) LIU_MUST_USE;
void key_book_destroy(struct key_book *b); /* NULL-safe */

/* Replaces the keys of a holder; n == 0 forgets it (revoked). Keys beyond KEY_BOOK_KEYS are
 * ignored. ERR_NOMEM: nothing of this holder is known any more. */
enum err key_book_set(struct key_book *b, const char *id, char *const *keys, size_t n) LIU_MUST_USE;

/* Another holder than `id` that has this key; NULL when there is none. Borrowed until the next
 * change. */
const char *key_book_other_holder(const struct key_book *b, const char *key, const char *id);

#endif
