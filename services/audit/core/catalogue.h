/* The catalogue of controls (管理基準) as data: identifiers, tiers, flags. Never code, because the
 * criteria are revised (R60).
 *
 * Pure: bytes in, items or faults out. Three tiers: governance (ガバナンス基準, chapter 3),
 * management (マネジメント基準, chapter 4), controls (管理策基準, chapters 5 to 18). An id of three
 * numbers is a control objective (統制目標), of four a detailed control (詳細管理策). Suffix P:
 * specific to cloud providers; B: a basic statement requirement (基本言明要件); PB: both.
 *
 * Grammar of an id: ^([3-9]|1[0-8])(\.[1-9][0-9]*){2,3}(\.(P|B|PB))?$ (numbers up to 9999).
 * File: CSV without quotes, UTF-8, header "id,tier,level,domain,suffix,basic_statement_B,
 * provider_specific_P", LF or CRLF, a leading byte order mark is passed over. The columns repeat
 * what the id says; a line where they differ is refused, because then one of them is a typing
 * error.
 */
#ifndef LIU_AUDIT_CORE_CATALOGUE_H
#define LIU_AUDIT_CORE_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "services/audit/core/faults.h"

#define CATALOGUE_ID_BYTES 24    /* longest id and its NUL: 18.9999.9999.9999.PB */
#define CATALOGUE_LINE_BYTES 256 /* longest line of the file */
#define CATALOGUE_ITEMS_MAX 2048 /* all four-number controls in force are about 1,200 */
#define CATALOGUE_FILE_BYTES (256 * 1024)

/* Numbers as in ismap.liu.v1.Tier. */
enum catalogue_tier {
    CATALOGUE_NO_TIER = 0,
    CATALOGUE_GOVERNANCE = 1,
    CATALOGUE_MANAGEMENT = 2,
    CATALOGUE_CONTROLS = 3,
    CATALOGUE_TIERS
};

/* Whether a control is one of the important ones (重要な管理策, R63). */
enum catalogue_key { CATALOGUE_NOT_KEY = 0, CATALOGUE_KEY_ROTATES, CATALOGUE_KEY_ANNUAL };

struct catalogue_item {
    char id[CATALOGUE_ID_BYTES];
    uint16_t numbers[4]; /* 9.2.1.6.PB: 9 2 1 6; the last is 0 for objectives */
    enum catalogue_tier tier;
    bool objective;
    bool basic_statement;   /* B */
    bool provider_specific; /* P */
    bool not_assessed;      /* an overview entry: nothing to audit, e.g. 3.1.1 */
    uint32_t line;          /* of the file; 0 = not from a file */
    enum catalogue_key key; /* as the catalogue itself says; the ISMAP file says nothing */
    const char *title;      /* NULL = none; borrowed */
    const char *label;      /* number for people where it is not the id; NULL = the id */
    const char *domain;     /* name of the domain; NULL = none */
    const char *path;       /* place in a file of groups, for faults; NULL = none */
};

/* Sorted by numbers, so that 9.10.1 comes after 9.2.1. Items live in the caller's arena. */
struct catalogue {
    struct catalogue_item *items;
    size_t n;
    const struct catalogue_item **by_id; /* sorted by id; NULL = ids follow the grammar above */
};

struct catalogue_counts {
    uint32_t objectives[CATALOGUE_TIERS]; /* by tier, overview entries included */
    uint32_t detailed[CATALOGUE_TIERS];
    uint32_t basic_statement;
    uint32_t provider_specific; /* objectives with P */
    uint32_t not_assessed;
};

/* Reads an id by the grammar into a whole item (line and not_assessed stay 0); false when it does
 * not fit. */
bool catalogue_read_id(const char *id, struct catalogue_item *out);

/* Order by numbers: < 0, 0 (the same control, whatever the suffix), > 0. */
int catalogue_compare(const struct catalogue_item *x, const struct catalogue_item *y);

/* NULL when it is not there. By numbers and suffix, or by_id: the id must be the same text. */
const struct catalogue_item *catalogue_find(const struct catalogue *c, const char *id);

/* Takes n items (of a file or a record), sorts them in place and refuses what cannot be together:
 * the same numbers twice, a detailed control without its objective. ERR_INVAL with faults. R60 */
enum err catalogue_index(struct arena *a, struct catalogue_item *items, size_t n,
                         struct catalogue *out, struct audit_faults *faults) LIU_MUST_USE;

/* The same for a catalogue whose ids do not follow the grammar (OSCAL: ac-2.1). The reader has
 * given every item its numbers in document order, which stay; ids must differ, and a fault for two
 * that do not names both paths. Takes n pointers of the arena. */
enum err catalogue_index_named(struct arena *a, struct catalogue_item *items, size_t n,
                               struct catalogue *out, struct audit_faults *faults) LIU_MUST_USE;

/* The whole file. ERR_INVAL with every fault (line, field); ERR_NOMEM, ERR_LIMIT (file too long).
 * An objective of governance or management without any detailed control is an overview entry and
 * gets not_assessed: there every objective is broken down, so one that is not has nothing to
 * assess. */
enum err catalogue_parse(struct arena *a, const char *text, size_t bytes, struct catalogue *out,
                         struct audit_faults *faults) LIU_MUST_USE;

void catalogue_count(const struct catalogue *c, struct catalogue_counts *out);

/* For a version whose counts are known (2022-04-01: 6/18, 21/64, 121 objectives, 31 B, 7 P),
 * compares them; one fault for each that differs. An unknown version has nothing to compare: false.
 * R60 */
bool catalogue_check_counts(struct arena *a, const char *version, const struct catalogue_counts *c,
                            struct audit_faults *faults);

#endif
