/* What ends a case or a registration before its time. */
#include <string.h>

#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "liuctl/commands.h"

int cmd_case_withdraw(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__WithdrawCase m = ISMAP__LIU__V1__WITHDRAW_CASE__INIT;
    const char *reason = cli_option(a, "--reason");
    m.case_id = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.case_id == NULL || reason == NULL)
        return cli_usage(c, c->ja ? "案件番号と --reason を指定してください"
                                  : "give a case and --reason");
    m.reason = (char *)(uintptr_t)reason;
    if (!c->dry_run && !cli_confirm(c, c->ja ? "案件を取り下げますか" : "Withdraw the case?"))
        return CLI_USAGE;
    return cli_ask(c, CLI_INTAKE, &m.base, true);
}

int cmd_registry_withdraw(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__WithdrawRegistration m = ISMAP__LIU__V1__WITHDRAW_REGISTRATION__INIT;
    const char *reason = cli_option(a, "--reason");
    m.number = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.number == NULL || reason == NULL)
        return cli_usage(c, c->ja ? "登録番号と --reason を指定してください"
                                  : "give a number and --reason");
    m.reason = (char *)(uintptr_t)reason;
    if (!c->dry_run &&
        !cli_confirm(c, c->ja ? "本申請を取り下げますか" : "Withdraw the application?"))
        return CLI_USAGE;
    return cli_ask(c, CLI_INTAKE, &m.base, true);
}

static const struct {
    const char *word;
    Ismap__Liu__V1__CancellationGround ground;
} grounds[] = {
    {"wish", ISMAP__LIU__V1__CANCELLATION_GROUND__CANCELLATION_GROUND_PROVIDERS_WISH},
    {"re-audit", ISMAP__LIU__V1__CANCELLATION_GROUND__CANCELLATION_GROUND_RE_AUDIT_FAILED},
    {"requirements", ISMAP__LIU__V1__CANCELLATION_GROUND__CANCELLATION_GROUND_REQUIREMENTS_NOT_MET},
    {"other", ISMAP__LIU__V1__CANCELLATION_GROUND__CANCELLATION_GROUND_OTHER},
};

int cmd_registry_cancel(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__CancelRegistration m = ISMAP__LIU__V1__CANCEL_REGISTRATION__INIT;
    const char *ground = cli_option(a, "--ground");
    const char *date = cli_option(a, "--date");
    const char *reference = cli_option(a, "--reference");
    const char *reason = cli_option(a, "--reason");
    m.number = (char *)(uintptr_t)cli_next(a);
    for (size_t i = 0; ground != NULL && i < sizeof grounds / sizeof grounds[0]; i++)
        if (strcmp(grounds[i].word, ground) == 0)
            m.ground = grounds[i].ground;
    if (m.number == NULL || m.ground == 0 || date == NULL || reference == NULL || reason == NULL ||
        !cli_done(c, a))
        return cli_usage(c, c->ja ? "登録番号、--ground wish|re-audit|requirements|other、--date、"
                                    "--reference、--reason を指定してください"
                                  : "give a number, --ground wish|re-audit|requirements|other, "
                                    "--date, --reference and --reason");
    m.committee_date = (char *)(uintptr_t)date;
    m.decision_reference = (char *)(uintptr_t)reference;
    m.reason = (char *)(uintptr_t)reason;
    if (!c->dry_run && !cli_confirm(c, c->ja ? "登録を取り消しますか" : "Cancel the registration?"))
        return CLI_USAGE;
    return cli_ask(c, CLI_INTAKE, &m.base, true);
}
