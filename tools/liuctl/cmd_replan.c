/* Planning again, and what came of it. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "liuctl/commands.h"

static char *lend(const char *s)
{
    return (char *)(uintptr_t)s;
}

static void show_progress(struct cli *c, const Ismap__Liu__V1__ReplanProgress *p)
{
    char bar[41];
    uint64_t total = p->total > 0 ? p->total : 1;
    size_t full = (size_t)(p->done * 40 / total);
    memset(bar, '.', 40);
    memset(bar, '#', full > 40 ? 40 : full);
    bar[40] = '\0';
    if (!c->quiet && isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r[%s] %llu/%llu", bar, (unsigned long long)p->done,
                      (unsigned long long)p->total);
}

static void print_run(struct cli *c, const Ismap__Liu__V1__ReplanProgress *p)
{
    if (c->json) {
        cli_print(c, &p->base);
        return;
    }
    (void)printf(c->ja ? "計画の再作成 %u: %llu/%llu 件、作成できず %llu 件%s\n"
                       : "re-planning %u: %llu of %llu services, %llu could not be planned%s\n",
                 p->run->number, (unsigned long long)p->done, (unsigned long long)p->total,
                 (unsigned long long)p->refused,
                 p->run->finished_at_ms == 0 ? "" : (c->ja ? "、完了" : ", finished"));
}

/* The latest run; with `follow` until it has ended. 1 when a case could not be planned. */
int cli_replan_watch(struct cli *c, bool follow)
{
    const struct timespec pause = {.tv_nsec = 250L * 1000 * 1000};
    for (;;) {
        Ismap__Liu__V1__GetReplanRun m = ISMAP__LIU__V1__GET_REPLAN_RUN__INIT;
        ProtobufCMessage *answer = NULL;
        int status = cli_request(c, CLI_AUDIT, &m.base, false, &answer);
        const Ismap__Liu__V1__ReplanProgress *p = (const void *)answer;
        if (status != CLI_OK || p == NULL || p->run == NULL)
            return status;
        if (follow && p->run->finished_at_ms == 0) {
            show_progress(c, p);
            (void)nanosleep(&pause, NULL);
            continue;
        }
        if (follow && !c->quiet && isatty(STDERR_FILENO))
            (void)fprintf(stderr, "\r\033[K");
        print_run(c, p);
        return p->refused > 0 ? CLI_NEGATIVE : CLI_OK;
    }
}

int cmd_plan_replan(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ReplanCase one = ISMAP__LIU__V1__REPLAN_CASE__INIT;
    Ismap__Liu__V1__ReplanAll all = ISMAP__LIU__V1__REPLAN_ALL__INIT;
    const char *reason = cli_option(a, "--reason");
    bool everything = cli_flag(a, "--all");
    bool follow = cli_flag(a, "--follow");
    ProtobufCMessage *answer = NULL;
    one.case_id = lend(cli_next(a));
    if (!cli_done(c, a))
        return CLI_USAGE;
    if (one.case_id == NULL && !everything)
        return reason == NULL ? cli_replan_watch(c, follow)
                              : cli_usage(c, c->ja ? "案件番号または --all を指定してください"
                                                   : "give a case or --all");
    if (reason == NULL || (one.case_id != NULL && everything))
        return cli_usage(c, c->ja ? "案件番号または --all と、--reason を指定してください"
                                  : "give a case or --all, and --reason");
    one.reason = all.reason = lend(reason);
    int status = cli_request(c, CLI_AUDIT, everything ? &all.base : &one.base, true, &answer);
    return status == CLI_OK && follow && everything && !c->dry_run ? cli_replan_watch(c, true)
                                                                   : status;
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
    if (!cli_done(c, a) || m.case_id == NULL)
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
