/* What the handlers of the audit service share. */
#include <string.h>

#include "base/date.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "services/audit/shell.h"

int32_t audit_year_of(int64_t ms)
{
    char day[DATE_TEXT_BYTES];
    date_format(date_of_ms(ms), day);
    return (day[0] - '0') * 1000 + (day[1] - '0') * 100 + (day[2] - '0') * 10 + (day[3] - '0');
}

bool audit_may_see(struct work *w, const char *provider)
{
    switch (work_role(w)) {
    case ROLE(OPERATOR):
    case ROLE(AUDIT_BODY):
        return true;
    case ROLE(PROVIDER):
        return strcmp(provider, work_actor(w)) == 0;
    default:
        return false;
    }
}

enum decide audit_not_found(struct work *w, const char *field)
{
    return work_refuse(w, STATUS(NOT_FOUND), field, "P-NOT-FOUND", "該当するものはありません",
                       "there is no such thing, or not for you");
}

bool audit_is_withdrawn(const void *submitted)
{
    const Ismap__Liu__V1__Case *c = submitted;
    return c != NULL && c->state == ISMAP__LIU__V1__CASE_STATE__CASE_STATE_WITHDRAWN;
}

enum decide audit_bad_catalogue(struct work *w)
{
    return work_refuse(w, STATUS(INTERNAL), "caseId", "R60",
                       "計画の管理基準を読み込めません。運用者に連絡してください。",
                       "The plan's catalogue cannot be read. Tell the operator.");
}

enum decide audit_refuse_faults(struct work *w, Ismap__Liu__V1__Status status, const char *prefix,
                                const struct audit_faults *f)
{
    for (size_t i = 0; i < audit_faults_kept(f); i++) {
        const struct audit_fault *x = &f->items[i];
        const char *path = arena_printf(work_arena(w), "%s%s", prefix, x->field);
        (void)work_refuse(w, status, path == NULL ? prefix : path, x->rule, x->ja, x->en);
    }
    return DECIDE_DONE;
}
