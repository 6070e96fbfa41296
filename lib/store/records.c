/* The table of record kinds: what each holds and which service alone writes it. */
#include "store/records.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/envelope.pb-c.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "ismap/liu/v1/scope.pb-c.h"

#define ROW(k, n, d, w, i)                                                                         \
    [k] = {.kind = (k),                                                                            \
           .name = (n),                                                                            \
           .descriptor = &ismap__liu__v1__##d##__descriptor,                                       \
           .writer = (w),                                                                          \
           .immutable = (i)}

static const struct record_type types[RECORD_KINDS] = {
    ROW(RECORD_PARTY, "party", party, "intake", false),
    ROW(RECORD_FEED, "feed", feed, "monitor", false),
    ROW(RECORD_CASE, "case", case, "intake", false),
    ROW(RECORD_JUDGMENT, "judgment", judgment, "eligibility", false),
    ROW(RECORD_TARGETS, "targets", target_list, "eligibility", true),
    ROW(RECORD_RULEBOOK, "rulebook", rulebook, "eligibility", true),
    ROW(RECORD_CATALOGUE, "catalogue", catalogue, "audit", true),
    ROW(RECORD_ACTIVE, "active", active, "eligibility,audit", false),
    ROW(RECORD_PLAN, "plan", audit_plan, "audit", false),
    ROW(RECORD_LISTING, "listing", listing, "intake", false),
    ROW(RECORD_HOLD, "hold", hold, "monitor", false),
    ROW(RECORD_USE, "use", use, "intake", false),
    ROW(RECORD_USERS, "users", service_users, "intake", false),
    ROW(RECORD_INCIDENT, "incident", incident, "monitor", false),
    ROW(RECORD_BRAKE, "brake", brake, "monitor", false),
    ROW(RECORD_LANE, "lane", feed_lane, "monitor", false),
    ROW(RECORD_CURSOR, "cursor", cursor, "*", false),
    ROW(RECORD_AUDIT_REPORT, "audit_report", audit_report, "audit", false),
    ROW(RECORD_STANDING, "standing", audit_standing, "audit", false),
    ROW(RECORD_PLAN_REVISION, "plan_revision", plan_revision, "audit", false),
    ROW(RECORD_PLAN_KEPT, "plan_kept", audit_plan, "audit", false),
    ROW(RECORD_REPLAN_RUN, "replan_run", replan_run, "audit", false),
    ROW(RECORD_AUDIT_SCOPE, "audit_scope", audit_scope, "audit", false),
    ROW(RECORD_CHANGE_NOTICE, "change_notice", change_notice, "audit", false),
    ROW(RECORD_AUDIT_BASE, "audit_base", audit_base, "audit", false),
    ROW(RECORD_RECEIPT, "receipt", receipt, "", false),
    ROW(RECORD_QUARANTINED, "quarantined", quarantined, "*", false),
    ROW(RECORD_UPKEEP, "upkeep", upkeep, "*", false),
    ROW(RECORD_KEY, "key", key_holder, "intake,monitor", false),
};

const struct record_type *record_type_of(enum record_kind kind)
{
    if ((int)kind <= RECORD_NONE || kind >= RECORD_KINDS)
        return NULL;
    return &types[kind];
}

bool record_journaled(enum record_kind kind)
{
    return kind != RECORD_CURSOR && kind != RECORD_LANE && kind != RECORD_UPKEEP &&
           kind != RECORD_RECEIPT;
}

bool record_freezes(enum record_kind kind)
{
    return kind == RECORD_CASE || kind == RECORD_JUDGMENT || kind == RECORD_AUDIT_REPORT ||
           kind == RECORD_PLAN_REVISION || kind == RECORD_PLAN_KEPT || kind == RECORD_RECEIPT;
}

enum record_kind record_named(const char *name, size_t bytes)
{
    for (int k = RECORD_NONE + 1; k < RECORD_KINDS; k++)
        if (strlen(types[k].name) == bytes && memcmp(types[k].name, name, bytes) == 0)
            return (enum record_kind)k;
    return RECORD_NONE;
}

bool record_written_by(const struct record_type *t, const char *service)
{
    size_t n = strlen(service);
    if (strcmp(t->writer, "*") == 0)
        return true;
    for (const char *at = t->writer; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, service, n) == 0 && (at[n] == '\0' || at[n] == ','))
            return true;
    }
    return false;
}

enum err record_key_id(const char *curve_z85, char out[RECORD_KEY_ID_BYTES])
{
    const struct crypto_part part = {curve_z85, strlen(curve_z85)};
    uint8_t digest[SHA256_BYTES];
    enum err e = crypto_digest("ismap-liu/v1/curve-key", &part, 1, digest);
    if (e == ERR_OK)
        text_base32(digest, 20, out);
    return e;
}
