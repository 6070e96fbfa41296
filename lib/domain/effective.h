/* What a registration (登録) is worth today: the ONE place where the listing (intake's record), the
 * hold (monitor's record), the last valid day and the date are put together. R44, R83, R88.
 *
 * Every query and every decision that asks "is this service registered?" goes through here, so that
 * a suspension cannot be seen by one reader and missed by another. Pure: no memory, no clock;
 * `today` is the civil date in Asia/Tokyo (date_of_ms of base/date.h).
 *
 * The enums carry the numbers of the messages (listing.proto, case.proto); the shells assert that.
 */
#ifndef LIU_DOMAIN_EFFECTIVE_H
#define LIU_DOMAIN_EFFECTIVE_H

#include <stdbool.h>
#include <stdint.h>

enum listing_state {
    LISTING_NONE = 0,       /* no record */
    LISTING_APPLIED = 1,    /* 本申請済 */
    LISTING_REGISTERED = 2, /* 登録 */
    LISTING_REJECTED = 3,
    LISTING_RENEWAL_PENDING =
        4, /* 更新審査中: valid beyond its last day until the committee decides, R44 */
    LISTING_EXPIRED = 5,
    LISTING_CANCELLED = 6, /* 登録取消 */
    LISTING_WITHDRAWN = 7,
};

enum hold_state {
    HOLD_UNSET = 0,     /* no record: never held */
    HOLD_NONE = 1,      /* lifted */
    HOLD_SUSPENDED = 2, /* 一時停止 */
    HOLD_RE_AUDIT = 3,  /* 再監査: the suspension stays until the re-audit has confirmed, R84 */
};

enum effective_state {
    EFFECTIVE_UNSET = 0,
    EFFECTIVE_NOT_LISTED = 1,
    EFFECTIVE_REGISTERED = 2,
    EFFECTIVE_RENEWAL_PENDING = 3,
    EFFECTIVE_SUSPENDED = 4,
    EFFECTIVE_EXPIRED = 5,
    EFFECTIVE_CANCELLED = 6,
};

enum impact_level { LEVEL_UNSET = 0, LEVEL_LOW = 1, LEVEL_MODERATE = 2, LEVEL_HIGH = 3 };

enum registry_list { REGISTRY_UNSET = 0, REGISTRY_ISMAP = 1, REGISTRY_ISMAP_LIU = 2 };

/* In the place of a day: not known. */
#define EFFECTIVE_NO_DAY INT32_MIN

/* In this order, the first that applies:
 *   1. listing applied, rejected, withdrawn, none or unknown -> NOT_LISTED
 *   2. listing cancelled -> CANCELLED; expired -> EXPIRED, whatever the hold says
 *   3. listing registered and its last valid day over (or not known) -> EXPIRED: expiry keeps
 * running during a suspension (R86), and a doubt never makes a service procurable
 *   4. hold suspended, under re-audit or of an unknown number -> SUSPENDED
 *   5. REGISTERED or RENEWAL_PENDING, as the listing says
 * The last valid day itself is still valid (R43). */
enum effective_state effective_state_of(enum listing_state listing, enum hold_state hold,
                                        int32_t valid_until, int32_t today);

/* Does the state appear on the public list? History stays visible (R87); applications do not (R47).
 */
bool effective_is_public(enum effective_state s);

/* Valid now: registered or renewal pending. */
bool effective_is_valid(enum effective_state s);

/* A use as a ministry asks for it, against one service of the LIU list. */
struct procurable_query {
    enum registry_list list;
    uint32_t data_class;     /* 機密性 1 to 3 */
    enum impact_level level; /* of the use, as its ministry assesses it */
    enum effective_state state;
    bool business_matches; /* procurable_business() */
};

enum procurable_answer {
    PROCURABLE_YES = 0,
    PROCURABLE_OTHER_LIST, /* only LIU services are kept here */
    PROCURABLE_CLASS,      /* the class is not 1 or 2 */
    PROCURABLE_LEVEL,      /* the use is not low (低位) */
    PROCURABLE_NOT_LISTED,
    PROCURABLE_SUSPENDED,
    PROCURABLE_EXPIRED,
    PROCURABLE_CANCELLED,
    PROCURABLE_OTHER_BUSINESS, /* the verdict was given for another business */
    PROCURABLE_ANSWERS
};

/* R88: the first reason against in the order of the enum, or PROCURABLE_YES. */
enum procurable_answer procurable(const struct procurable_query *q);

/* Is a service judged for `matched_code` meant when `asked` is asked for? An empty `asked` means
 * any. */
bool procurable_business(const char *asked, const char *matched_code);

/* The reason for a person: rule id and text in both languages, never NULL. Static. */
struct procurable_text {
    const char *rule;
    const char *ja;
    const char *en;
};
const struct procurable_text *procurable_text_of(enum procurable_answer a);

#endif
