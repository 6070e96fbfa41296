/* Rulebooks and target lists as people write them (rules/ *.yaml), read into their canonical form.
 *
 * The YAML names are those of the messages (judgment.proto), in snake_case; words stand for
 * enums. Read with a schema: an unknown, duplicate or missing name, a wrong type, a word that is
 * not known or a value out of range is refused with "file:line: path: reason". Nothing is half
 * loaded.
 *
 * Canonical bytes = the packed message; their SHA-256 in hexadecimal names the rulebook for ever.
 */
#ifndef LIU_RULEBOOK_H
#define LIU_RULEBOOK_H

#include "base/arena.h"
#include "ismap/liu/v1/judgment.pb-c.h"

#define RULEBOOK_FILE_BYTES_MAX (1024 * 1024)
#define RULEBOOK_HASH_BYTES 65 /* 64 hexadecimal digits and NUL */

/* *out lives in the arena. ERR_INVAL the file is wrong, ERR_IO it cannot be read, ERR_LIMIT it is
 * too long, ERR_NOMEM; `why` (may be NULL) says where and what. */
enum err rulebook_load(const char *path, struct arena *a, Ismap__Liu__V1__Rulebook **out,
                       struct err_text *why) LIU_MUST_USE;
enum err targets_load(const char *path, struct arena *a, Ismap__Liu__V1__TargetList **out,
                      struct err_text *why) LIU_MUST_USE;

/* Canonical bytes, in the arena, and their name. `hash` may be NULL. */
enum err rulebook_canonical(struct arena *a, const Ismap__Liu__V1__Rulebook *r,
                            const uint8_t **data, size_t *bytes,
                            char hash[RULEBOOK_HASH_BYTES]) LIU_MUST_USE;

#endif
