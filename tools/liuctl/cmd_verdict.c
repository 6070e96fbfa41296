/* Verdicts, the target list and rulebooks. */
#include <string.h>

#include "ismap/liu/v1/judgment.pb-c.h"
#include "liuctl/commands.h"
#include "rulebook/rulebook.h"
#include "wire/unpack.h"

static void print_finding(struct cli *c, const Ismap__Liu__V1__Finding *f)
{
    static const char *const marks[] = {"?", "+", "-", "?", "i"};
    int o = (int)f->outcome;
    (void)printf("  %s [%s] %s\n      %s\n", marks[o >= 0 && o < 5 ? o : 0], f->rule,
                 c->ja ? f->criterion_ja : f->criterion_en, f->fact);
    const char *evidence = c->ja ? f->evidence_ja : f->evidence_en;
    if (evidence[0] != '\0')
        (void)printf("      -> %s\n", evidence);
    if (f->citation[0] != '\0')
        (void)printf("      %s: %s\n", c->ja ? "根拠" : "source", f->citation);
}

static void print_verdict(struct cli *c, const Ismap__Liu__V1__Verdict *v)
{
    (void)printf("%s: %s", v->case_id,
                 cli_word(c, &ismap__liu__v1__judgment_state__descriptor, (int)v->state));
    if (v->result != ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_UNSPECIFIED)
        (void)printf(" %s",
                     cli_word(c, &ismap__liu__v1__verdict_result__descriptor, (int)v->result));
    if (v->matched_code[0] != '\0')
        (void)printf(" (%s, %s %u)", v->matched_code, c->ja ? "一覧 第" : "list version",
                     v->list_version);
    if (v->waits_for[0] != '\0')
        (void)printf(" -- %s %s", c->ja ? "待ち先" : "waits for", v->waits_for);
    (void)printf("\n");
    for (size_t i = 0; i < v->n_findings; i++)
        print_finding(c, v->findings[i]);
    if (v->n_findings > 0)
        (void)printf("  %s\n", c->ja ? "(+ 満たす  - 満たさない  ? 未確定  i 参考)"
                                     : "(+ met  - not met  ? open  i for information)");
    (void)printf("  %s %s, core %s, %s %s\n", c->ja ? "規則" : "rulebook", v->rulebook_hash,
                 v->core_version, c->ja ? "決定者" : "by", v->decided_by);
}

static int verdict_exit(const Ismap__Liu__V1__Verdict *v)
{
    return v->state == ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_DECIDED &&
                   v->result != ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE
               ? CLI_NEGATIVE
               : CLI_OK;
}

/* The answer to GetVerdict is the Judgment record. */
static int show_judgment(struct cli *c, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__Judgment *j = (const void *)answer;
    if (j == NULL || j->verdict == NULL)
        return CLI_OK;
    if (c->json)
        cli_print(c, &j->base);
    else
        print_verdict(c, j->verdict);
    return verdict_exit(j->verdict);
}

int cmd_verdict_show(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetVerdict m = ISMAP__LIU__V1__GET_VERDICT__INIT;
    m.case_id = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.case_id == NULL)
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_ELIGIBILITY, &m.base, false, &answer);
    return status == CLI_OK ? show_judgment(c, answer) : status;
}

int cmd_verdict_confirm(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ConfirmVerdict m = ISMAP__LIU__V1__CONFIRM_VERDICT__INIT;
    const char *reason = cli_option(a, "--reason");
    const char *addition = cli_option(a, "--list-addition");
    m.confirm = !cli_flag(a, "--deny");
    m.case_id = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.case_id == NULL || reason == NULL)
        return cli_usage(c, c->ja ? "案件番号と --reason を指定してください"
                                  : "give a case and --reason");
    m.reason = (char *)(uintptr_t)reason;
    if (addition != NULL) {
        m.list_addition =
            (void *)cli_read_message(c, &ismap__liu__v1__target_business__descriptor, addition);
        if (m.list_addition == NULL)
            return CLI_INPUT;
    }
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_ELIGIBILITY, &m.base, true, &answer);
    if (status == CLI_OK && answer != NULL &&
        answer->descriptor == &ismap__liu__v1__judgment__descriptor)
        (void)show_judgment(c, answer);
    else
        cli_print(c, answer);
    return status;
}

int cmd_verdict_replay(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ReplayVerdict m = ISMAP__LIU__V1__REPLAY_VERDICT__INIT;
    m.case_id = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || m.case_id == NULL)
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_ELIGIBILITY, &m.base, false, &answer);
    if (status != CLI_OK || answer == NULL)
        return status;
    const Ismap__Liu__V1__ReplayResult *r = (void *)answer;
    if (c->json)
        cli_print(c, answer);
    else
        (void)printf("%s: %s\n", m.case_id,
                     r->identical
                         ? (c->ja ? "同一 (1バイトも違いません)" : "identical, byte for byte")
                         : (c->ja ? "相違があります" : "DIFFERENT"));
    return r->identical ? CLI_OK : CLI_NEGATIVE;
}

int cmd_targets_show(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetTargets m = ISMAP__LIU__V1__GET_TARGETS__INIT;
    if (!cli_done(c, a))
        return CLI_USAGE;
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_ELIGIBILITY, &m.base, false, &answer);
    if (status != CLI_OK || answer == NULL)
        return status;
    const Ismap__Liu__V1__TargetList *l = (void *)answer;
    if (c->json) {
        cli_print(c, answer);
        return CLI_OK;
    }
    (void)printf("%s %u\n", c->ja ? "対象業務一覧 第" : "target list, version", l->version);
    for (size_t i = 0; i < l->n_entries; i++) {
        const Ismap__Liu__V1__TargetBusiness *t = l->entries[i];
        (void)printf("%s  %s\n", t->code, c->ja ? t->criterion_ja : t->criterion_en);
        for (size_t k = 0; k < t->n_checklist; k++) {
            const Ismap__Liu__V1__Question *q = t->checklist[k];
            (void)printf("    %s [%s] %s\n", q->id,
                         cli_word(c, &ismap__liu__v1__answer__descriptor, (int)q->match),
                         c->ja ? q->text_ja : q->text_en);
        }
    }
    return CLI_OK;
}

static int load(struct cli *c, struct cli_args *a, Ismap__Liu__V1__Rulebook **out,
                const char **path)
{
    struct err_text why = {""};
    *path = cli_next(a);
    if (!cli_done(c, a) || *path == NULL)
        return cli_usage(c, c->ja ? "規則のファイルを指定してください" : "which rulebook file?");
    if (rulebook_load(*path, &c->arena, out, &why) != ERR_OK)
        return cli_fail(c, CLI_INPUT, "%s", why.text);
    return CLI_OK;
}

int cmd_rulebook_check(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__Rulebook *book = NULL;
    const char *path = NULL;
    int status = load(c, a, &book, &path);
    if (status != CLI_OK)
        return status;
    const uint8_t *data;
    size_t bytes;
    uint8_t hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    if (wire_pack(&c->arena, &book->base, &data, &bytes) != ERR_OK)
        return CLI_TEMPORARY;
    struct crypto_part part = {data, bytes};
    if (crypto_sha256(&part, 1, hash) != ERR_OK)
        return CLI_TEMPORARY;
    for (size_t i = 0; i < SHA256_BYTES; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    (void)printf("%s  %s\n", hex, path);
    return CLI_OK;
}

int cmd_rulebook_activate(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__Rulebook *book = NULL;
    const char *path = NULL;
    const char *reason = cli_option(a, "--reason");
    if (reason == NULL)
        return cli_usage(c, c->ja ? "--reason を指定してください" : "give --reason");
    int status = load(c, a, &book, &path);
    if (status != CLI_OK)
        return status;
    Ismap__Liu__V1__ActivateRulebook m = ISMAP__LIU__V1__ACTIVATE_RULEBOOK__INIT;
    const uint8_t *data;
    if (wire_pack(&c->arena, &book->base, &data, &m.canonical.len) != ERR_OK)
        return CLI_TEMPORARY;
    m.canonical.data = (uint8_t *)(uintptr_t)data;
    m.reason = (char *)(uintptr_t)reason;
    ProtobufCMessage *answer;
    status = cli_request(c, CLI_ELIGIBILITY, &m.base, true, &answer);
    cli_print(c, answer);
    return status;
}
