/* The faults a core rule finds: all of them at once, each naming its field, its rule and the reason
 * in Japanese and English.
 *
 * Fixed size and without memory of its own: a rule checks a known number of things. Field paths are
 * those of the message (lowerCamelCase); texts are static or borrowed from the input.
 */
#ifndef LIU_INTAKE_CORE_VIOLATIONS_H
#define LIU_INTAKE_CORE_VIOLATIONS_H

#include <stddef.h>

#define VIOLATIONS_MAX 24
#define VIOLATION_FIELD_BYTES 64

struct violation {
    char field[VIOLATION_FIELD_BYTES];
    const char *rule;
    const char *ja;
    const char *en;
};

struct violations {
    struct violation items[VIOLATIONS_MAX];
    size_t n; /* further ones are dropped: the sender has enough to do */
};

/* Copies `field` (cut when too long); keeps the other pointers. */
void violations_add(struct violations *v, const char *field, const char *rule, const char *ja,
                    const char *en);

/* For a field of a list: "items[3].reason" from ("items", 3, "reason"); `sub` may be "". */
void violations_add_item(struct violations *v, const char *list, size_t index, const char *sub,
                         const char *rule, const char *ja, const char *en);

#endif
