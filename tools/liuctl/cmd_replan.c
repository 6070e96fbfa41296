/* Planning again, and what came of it. */
#include <string.h>

#include "base/text.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "liuctl/commands.h"

static char *lend(const char *s)
{
    return (char *)(uintptr_t)s;
}

int cmd_plan_replan(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ReplanCase m = ISMAP__LIU__V1__REPLAN_CASE__INIT;
    const char *reason = cli_option(a, "--reason");
    ProtobufCMessage *answer = NULL;
    m.case_id = lend(cli_next(a));
    if (m.case_id == NULL || reason == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "案件番号と --reason を指定してください"
                                  : "give a case and --reason");
    m.reason = lend(reason);
    return cli_request(c, CLI_AUDIT, &m.base, true, &answer);
}

static void print_move(const struct cli *c, const Ismap__Liu__V1__PlanMove *s)
{
    const char *party = cli_word(c, &ismap__liu__v1__audit_party__descriptor, (int)s->party);
    if (s->from_year == 0)
        (void)printf("    + %s %s %d [%s]\n", s->control_id, party, (int)s->to_year, s->reason);
    else if (s->to_year == 0)
        (void)printf("    - %s %s %d [%s]\n", s->control_id, party, (int)s->from_year, s->reason);
    else
        (void)printf("    %s %s %d -> %d [%s]\n", s->control_id, party, (int)s->from_year,
                     (int)s->to_year, s->reason);
}

static void print_revision(const struct cli *c, const Ismap__Liu__V1__PlanRevision *r)
{
    char at[CLI_TIME_BYTES];
    cli_time(r->at_ms, at);
    (void)printf(c->ja ? "第%u版 %s: 移動 %zu\n" : "revision %u, %s: %zu moved\n", r->revision, at,
                 r->n_moves);
    for (size_t i = 0; i < r->n_reasons; i++)
        (void)printf(
            "  %s %s\n",
            cli_word(c, &ismap__liu__v1__replan_cause__descriptor, (int)r->reasons[i]->cause),
            r->reasons[i]->ref);
    if (strcmp(r->from_catalogue, r->to_catalogue) != 0)
        (void)printf("  %s %s -> %s\n", c->ja ? "管理基準" : "catalogue", r->from_catalogue,
                     r->to_catalogue);
    if (strcmp(r->from_rulebook, r->to_rulebook) != 0)
        (void)printf("  %s %.12s -> %.12s\n", c->ja ? "規則" : "rulebook", r->from_rulebook,
                     r->to_rulebook);
    for (size_t i = 0; i < r->n_moves; i++)
        print_move(c, r->moves[i]);
}

int cmd_plan_revisions(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetPlanRevisions m = ISMAP__LIU__V1__GET_PLAN_REVISIONS__INIT;
    m.case_id = lend(cli_next(a));
    if (m.case_id == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    for (;;) {
        ProtobufCMessage *answer = NULL;
        int status = cli_request(c, CLI_AUDIT, &m.base, false, &answer);
        const Ismap__Liu__V1__PlanRevisions *l = (const void *)answer;
        if (status != CLI_OK || l == NULL || l->n_revisions == 0)
            return status;
        for (size_t i = 0; i < l->n_revisions; i++) {
            m.before = l->revisions[i]->revision;
            if (c->json)
                cli_print(c, &l->revisions[i]->base);
            else
                print_revision(c, l->revisions[i]);
        }
    }
}
