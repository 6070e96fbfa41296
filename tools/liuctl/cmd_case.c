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
            return cli_usage(c, c->ja ? "添付できる評価シートは 8 件までです"
                                      : "at most 8 assessments can be attached");
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
    return cli_ask(c, CLI_INTAKE, &m->base, false);
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
    return cli_ask(c, CLI_INTAKE, &m.base, true);
}

/* A ministry signs its sheet for a provider, who attaches it to the pre-application. */
int cmd_sheet_sign(struct cli *c, struct cli_args *a)
{
    const char *path = cli_next(a);
    if (!cli_done(c, a) || path == NULL)
        return cli_usage(c, c->ja ? "評価シートのファイルを指定してください"
                                  : "which file holds the assessment?");
    Ismap__Liu__V1__Assessment *m =
        (void *)cli_read_message(c, &ismap__liu__v1__assessment__descriptor, path);
    if (m == NULL)
        return CLI_INPUT;
    int status = cli_load_keys(c);
    if (status != CLI_OK)
        return status;
    if (strcmp(m->ministry, c->identity) != 0)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s: 評価シートの省庁は %s です。%s の鍵では署名しません"
                              : "%s: this is the sheet of %s: not signed with the key of %s",
                        path, m->ministry[0] == '\0' ? "?" : m->ministry, c->identity);
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
        return cli_fail(c, CLI_USAGE, c->ja ? "署名できません" : "signing failed");
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
    if (!cli_done(c, a) || m.case_id == NULL)
        return cli_usage(c, c->ja ? "案件番号を指定してください" : "which case?");
    return cli_ask(c, CLI_INTAKE, &m.base, false);
}

static const char *case_rows(struct cli *c, struct cli_list *l, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__CaseList *list = (const void *)answer;
    for (size_t i = 0; i < list->n_cases; i++) {
        const Ismap__Liu__V1__CaseView *v = list->cases[i];
        const Ismap__Liu__V1__Case *k = v->record;
        if (k == NULL)
            continue;
        const Ismap__Liu__V1__SubmitPreApplication *p = k->application;
        const char *cells[] = {
            k->id,
            k->provider,
            p != NULL && p->service != NULL ? p->service->name : "",
            cli_word(c, &ismap__liu__v1__case_state__descriptor, (int)k->state),
            arena_printf(&c->arena, "%zu", k->n_assessments),
            v->waits_for,
            c->ja ? v->waits_why_ja : v->waits_why_en,
        };
        cli_list_row(c, l, &v->base, cells);
    }
    return list->next_page;
}

static void cases_begin(struct cli *c, struct cli_list *l)
{
    static const char *const head_en[] = {"CASE",   "PROVIDER",  "SERVICE", "STATE",
                                          "SHEETS", "WAITS FOR", "WHY"};
    static const char *const head_ja[] = {"案件", "事業者", "サービス", "状態",
                                          "評価", "待ち先", "理由"};
    cli_list_begin(c, l, 7, head_en, head_ja);
}

int cmd_case_list(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ListCases m = ISMAP__LIU__V1__LIST_CASES__INIT;
    struct cli_list l;
    if (!cli_done(c, a))
        return CLI_USAGE;
    cases_begin(c, &l);
    return cli_list_pages(c, CLI_INTAKE, &m.base, &m.page, case_rows, &l);
}

int cmd_waiting(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ListWaiting m = ISMAP__LIU__V1__LIST_WAITING__INIT;
    struct cli_list l;
    if (!cli_done(c, a))
        return CLI_USAGE;
    cases_begin(c, &l);
    return cli_list_pages(c, CLI_INTAKE, &m.base, &m.page, case_rows, &l);
}
