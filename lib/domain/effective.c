/* Effective state and procurability; see effective.h for the order of the rules and its reasons. */
#include "domain/effective.h"

#include <stddef.h>
#include <string.h>

enum effective_state effective_state_of(enum listing_state listing, enum hold_state hold,
                                        int32_t valid_until, int32_t today)
{
    switch (listing) {
    case LISTING_CANCELLED:
        return EFFECTIVE_CANCELLED;
    case LISTING_EXPIRED:
        return EFFECTIVE_EXPIRED;
    case LISTING_REGISTERED:
        if (valid_until == EFFECTIVE_NO_DAY || valid_until < today)
            return EFFECTIVE_EXPIRED;
        break;
    case LISTING_RENEWAL_PENDING:
        break;
    case LISTING_NONE:
    case LISTING_APPLIED:
    case LISTING_REJECTED:
    case LISTING_WITHDRAWN:
    default:
        return EFFECTIVE_NOT_LISTED;
    }
    if (hold != HOLD_UNSET && hold != HOLD_NONE)
        return EFFECTIVE_SUSPENDED;
    return listing == LISTING_REGISTERED ? EFFECTIVE_REGISTERED : EFFECTIVE_RENEWAL_PENDING;
}

bool effective_is_public(enum effective_state s)
{
    return s == EFFECTIVE_REGISTERED || s == EFFECTIVE_RENEWAL_PENDING ||
           s == EFFECTIVE_SUSPENDED || s == EFFECTIVE_EXPIRED || s == EFFECTIVE_CANCELLED;
}

bool effective_is_valid(enum effective_state s)
{
    return s == EFFECTIVE_REGISTERED || s == EFFECTIVE_RENEWAL_PENDING;
}

static enum procurable_answer answer_of_state(enum effective_state s)
{
    switch (s) {
    case EFFECTIVE_REGISTERED:
    case EFFECTIVE_RENEWAL_PENDING:
        return PROCURABLE_YES;
    case EFFECTIVE_SUSPENDED:
        return PROCURABLE_SUSPENDED;
    case EFFECTIVE_EXPIRED:
        return PROCURABLE_EXPIRED;
    case EFFECTIVE_CANCELLED:
        return PROCURABLE_CANCELLED;
    case EFFECTIVE_UNSET:
    case EFFECTIVE_NOT_LISTED:
    default:
        return PROCURABLE_NOT_LISTED;
    }
}

enum procurable_answer procurable(const struct procurable_query *q)
{
    if (q->list != REGISTRY_ISMAP_LIU)
        return PROCURABLE_OTHER_LIST;
    if (q->data_class < 1 || q->data_class > 2)
        return PROCURABLE_CLASS;
    if (q->level != LEVEL_LOW)
        return PROCURABLE_LEVEL;
    enum procurable_answer a = answer_of_state(q->state);
    if (a != PROCURABLE_YES)
        return a;
    return q->business_matches ? PROCURABLE_YES : PROCURABLE_OTHER_BUSINESS;
}

bool procurable_business(const char *asked, const char *matched_code)
{
    return asked[0] == '\0' || strcmp(asked, matched_code) == 0;
}

const struct procurable_text *procurable_text_of(enum procurable_answer a)
{
    static const struct procurable_text texts[PROCURABLE_ANSWERS] = {
        [PROCURABLE_YES] = {"R88", "影響度が低位と評価される業務での利用に限り調達できます。",
                            "may be procured, for uses assessed as low only"},
        [PROCURABLE_OTHER_LIST] = {"R88", "本システムはISMAP-LIUのリストのみを保持しています。",
                                   "only the ISMAP-LIU list is kept here"},
        [PROCURABLE_CLASS] = {"R88", "ISMAP-LIUのサービスは機密性2情報までの利用に限られます。",
                              "an LIU service may be used up to confidentiality class 2 only"},
        [PROCURABLE_LEVEL] = {"R88", "影響度が低位と評価された業務・情報ではありません。",
                              "the use has not been assessed as low"},
        [PROCURABLE_NOT_LISTED] = {"R88", "このサービスは登録されていません。",
                                   "the service is not registered"},
        [PROCURABLE_SUSPENDED] = {"R83", "このサービスの登録は一時停止中です。",
                                  "the service's registration is suspended"},
        [PROCURABLE_EXPIRED] = {"R44", "このサービスの登録は有効期間を過ぎています。",
                                "the service's registration has expired"},
        [PROCURABLE_CANCELLED] = {"R88", "このサービスの登録は取り消されています。",
                                  "the service's registration has been cancelled"},
        [PROCURABLE_OTHER_BUSINESS] = {"R28", "該当性の判断は別の業務について行われたものです。",
                                       "the verdict was given for another business"},
    };
    size_t i = (size_t)a;
    return &texts[i < PROCURABLE_ANSWERS ? i : PROCURABLE_NOT_LISTED];
}
