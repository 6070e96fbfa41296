/* Pre-applications, assessments and cases. */
#include <string.h>

#include "ismap/liu/v1/case.pb-c.h"
#include "liuctl/commands.h"
#include "wire/json.h"
#include "wire/unpack.h"

int cmd_submit(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__SignedAssessment *attached[8];
    size_t n = 0;
    const char *path;
    while ((path = cli_option(a, "--attach")) != NULL) {
        if (n == 8)
            return cli_usage(c, "at most 8 assessments can be attached");
        attached[n] =
            (void *)cli_read_message(c, &ismap__liu__v1__signed_assessment__descriptor, path);
        if (attached[n++] == NULL)
            return CLI_INPUT;
    }
    path = cli_next(a);
    if (path == NULL)
        return cli_usage(c, c->ja ? "事前申請のファイルを指定してください"
                                  : "which file holds the pre-application?");
    if (!cli_done(c, a))
        return CLI_USAGE;
    Ismap__Liu__V1__SubmitPreApplication *m =
        (void *)cli_read_message(c, &ismap__liu__v1__submit_pre_application__descriptor, path);
    if (m == NULL)
        return CLI_INPUT;
    if (n > 0) {
        m->attached = attached;
        m->n_attached = n;
    }
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_INTAKE, &m->base, false, &answer);
    cli_print(c, answer);
    return status;
}

int cmd_assess(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__SubmitAssessment m = ISMAP__LIU__V1__SUBMIT_ASSESSMENT__INIT;
    const char *case_id = cli_next(a);
    const char *path = cli_next(a);
    if (case_id == NULL || path == NULL)
        return cli_usage(c, c->ja ? "案件番号と評価シートのファイルを指定してください"
                                  : "give a case and a file with the assessment");
    if (!cli_done(c, a))
        return CLI_USAGE;
    m.case_id = (char *)(uintptr_t)case_id;
    m.assessment = (void *)cli_read_message(c, &ismap__liu__v1__assessment__descriptor, path);
    if (m.assessment == NULL)
        return CLI_INPUT;
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_INTAKE, &m.base, true, &answer);
    cli_print(c, answer);
    return status;
}

/* A ministry signs its sheet for a provider, who attaches it to the pre-application. */
int cmd_sheet_sign(struct cli *c, struct cli_args *a)
{
    const char *path = cli_next(a);
    if (path == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "評価シートのファイルを指定してください"
                                  : "which file holds the assessment?");
    Ismap__Liu__V1__Assessment *m =
        (void *)cli_read_message(c, &ismap__liu__v1__assessment__descriptor, path);
    if (m == NULL)
        return CLI_INPUT;
    int status = cli_load_keys(c);
    if (status != CLI_OK)
        return status;
    if (c->signing == NULL)
        return cli_fail(c, CLI_USAGE, c->ja ? "署名鍵がありません" : "no signing key for %s",
                        c->identity);
    Ismap__Liu__V1__SignedAssessment s = ISMAP__LIU__V1__SIGNED_ASSESSMENT__INIT;
    const uint8_t *data;
    if (wire_pack(&c->arena, &m->base, &data, &s.assessment.len) != ERR_OK)
        return CLI_INPUT;
    s.assessment.data = (uint8_t *)(uintptr_t)data;
    struct crypto_part parts[] = {{c->identity, strlen(c->identity)},
                                  {m->provider, strlen(m->provider)},
                                  {data, s.assessment.len}};
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    if (crypto_sign(c->signing, DOMAIN_ASSESSMENT, parts, 3, signature) != ERR_OK)
        return cli_fail(c, CLI_USAGE, "signing failed");
    s.key_id = (char *)(uintptr_t)signing_key_id(c->signing);
    s.signature = (ProtobufCBinaryData){.len = sizeof signature, .data = signature};
    c->json = true; /* made to be read back */
    cli_print(c, &s.base);
    return CLI_OK;
}

int cmd_case_show(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__GetCase m = ISMAP__LIU__V1__GET_CASE__INIT;
    m.case_id = (char *)(uintptr_t)cli_next(a);
    if (m.case_id == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_INTAKE, &m.base, false, &answer);
    cli_print(c, answer);
    return status;
}

static void case_row(struct cli *c, struct cli_table *t, const Ismap__Liu__V1__CaseView *v)
{
    const Ismap__Liu__V1__Case *k = v->record;
    if (k == NULL)
        return;
    const char *cells[] = {
        k->id,
        k->provider,
        k->application != NULL && k->application->service != NULL ? k->application->service->name
                                                                  : "",
        cli_word(&ismap__liu__v1__case_state__descriptor, (int)k->state, "CASE_STATE_"),
        arena_printf(&c->arena, "%zu", k->n_assessments),
        v->waits_for,
        c->ja ? v->waits_why_ja : v->waits_why_en,
    };
    cli_table_row(c, t, sizeof cells / sizeof cells[0], cells);
}

/* ListCases and ListWaiting differ in their name only: fields 1 and 2 are page and max. */
static int list(struct cli *c, bool waiting)
{
    static const char *const head_en[] = {"CASE",   "PROVIDER",  "SERVICE", "STATE",
                                          "SHEETS", "WAITS FOR", "WHY"};
    static const char *const head_ja[] = {"案件", "事業者", "サービス", "状態",
                                          "評価", "待ち先", "理由"};
    struct cli_table t = {0};
    cli_table_row(c, &t, 7, c->ja ? head_ja : head_en);
    const char *page = "";
    do {
        Ismap__Liu__V1__ListCases all = ISMAP__LIU__V1__LIST_CASES__INIT;
        Ismap__Liu__V1__ListWaiting open = ISMAP__LIU__V1__LIST_WAITING__INIT;
        all.page = open.page = (char *)(uintptr_t)page;
        ProtobufCMessage *answer;
        int status = cli_request(c, CLI_INTAKE, waiting ? &open.base : &all.base, false, &answer);
        if (status != CLI_OK || answer == NULL)
            return status;
        const Ismap__Liu__V1__CaseList *l = (void *)answer;
        for (size_t i = 0; i < l->n_cases; i++) {
            if (c->json)
                cli_print(c, &l->cases[i]->base);
            else
                case_row(c, &t, l->cases[i]);
        }
        page = l->next_page;
    } while (page[0] != '\0');
    cli_table_sort(&t);
    if (!c->json)
        cli_table_print(c, &t);
    return CLI_OK;
}

int cmd_case_list(struct cli *c, struct cli_args *a)
{
    return cli_done(c, a) ? list(c, false) : CLI_USAGE;
}

int cmd_waiting(struct cli *c, struct cli_args *a)
{
    return cli_done(c, a) ? list(c, true) : CLI_USAGE;
}
