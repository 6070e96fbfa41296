/* What a main application (本申請) needs: R40, R41, R55 and the blocking half of R17.
 *
 * Every missing part is a violation of its own, so that the provider learns of all of them at once.
 * Pure.
 */
#ifndef LIU_INTAKE_CORE_REQUIREMENTS_H
#define LIU_INTAKE_CORE_REQUIREMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/intake/core/violations.h"

/* Numbers of VerdictResult in judgment.proto. */
enum verdict_result {
    VERDICT_NONE = 0,
    VERDICT_ELIGIBLE = 1,     /* 該当性あり */
    VERDICT_NOT_ELIGIBLE = 2, /* 該当性なし */
    VERDICT_NOT_NEEDED = 3,   /* class 1 only */
};

#define REQUIREMENTS_NO_DAY INT32_MAX /* open-ended */
#define DOCUMENT_HASH_BYTES 32

/* A reference to a document that is kept elsewhere; its hash ties it to the application. */
struct document_facts {
    bool given;
    const char *reference;
    size_t hash_bytes;
};

struct requirement_facts {
    int32_t today;

    bool verdict_decided;
    enum verdict_result verdict;
    int32_t verdict_valid_until; /* last day; REQUIREMENTS_NO_DAY = unlimited (R28) */

    struct document_facts statement;               /* 言明書 */
    struct document_facts audit_report;            /* 実施結果報告書 */
    struct document_facts management_confirmation; /* 経営者確認書 */
    struct document_facts internal_audit_report;   /* 内部監査報告書, LIU only */

    bool issuer_named;
    bool issuer_registered;     /* a party, an audit body (監査機関), not revoked */
    int32_t issuer_valid_until; /* last day; REQUIREMENTS_NO_DAY = open */

    bool period_given; /* both days are dates */
    int32_t period_start;
    int32_t period_end;

    size_t base_services_unnumbered; /* of the case: named without registration number, R17 */
};

/* The order of the violations is the order above. */
void requirements_check(const struct requirement_facts *f, struct violations *out);

/* A decision of the committee (運営委員会), for or against a registration or to end one: what was
 * decided is written somewhere, and a meeting that has not been held decides nothing. R46 */
void requirements_check_decision(const char *committee_date, const char *reference, int32_t today,
                                 struct violations *out);

#endif
