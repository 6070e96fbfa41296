/* The statement of a provider held against the catalogue, before it is sent. */
#include "liuctl/commands.h"
#include "liuctl/plan_sources.h"
#include "services/audit/core/statement.h"

static void print_faults(struct cli *c, const char *path, const struct audit_faults *f)
{
    for (size_t i = 0; i < audit_faults_kept(f); i++) {
        const struct audit_fault *k = &f->items[i];
        if (c->json)
            cli_print_json(c, json_pack("{s:i, s:s, s:s, s:s, s:s}", "line", (int)k->line, "field",
                                        k->field, "rule", k->rule, "messageJa", k->ja, "messageEn",
                                        k->en));
        else
            (void)printf("%s:%u: %s: [%s] %s\n", path, k->line, k->field, k->rule,
                         c->ja ? k->ja : k->en);
    }
    if (f->n > audit_faults_kept(f))
        cli_note(c, c->ja ? "ほか %zu 件" : "and %zu more", f->n - audit_faults_kept(f));
}

int cmd_plan_statement(struct cli *c, struct cli_args *a)
{
    struct plan_sources s = {.catalogue_version = ""};
    const char *catalogue = cli_option(a, "--catalogue");
    if (catalogue == NULL)
        return cli_usage(c, c->ja ? "--catalogue を指定してください" : "give --catalogue FILE");
    int status = plan_catalogue_read(c, a, catalogue, &s);
    if (status != CLI_OK)
        return status;
    const char *path = cli_next(a);
    if (!cli_done(c, a) || path == NULL)
        return cli_usage(c, c->ja ? "言明書の CSV を指定してください" : "give the statement's CSV");
    char *text = plan_rows_read(c, path);
    if (text == NULL)
        return CLI_INPUT;
    struct audit_faults faults = {.n = 0};
    struct statement_counts counts = {0};
    struct statement_entry *entries = NULL;
    size_t n = 0;
    enum err e = statement_parse(&c->arena, text, &entries, &n, &faults);
    if (e == ERR_OK)
        e = statement_check(&c->arena, &s.catalogue, entries, n, &counts, &faults);
    print_faults(c, path, &faults);
    if (e == ERR_LIMIT || e == ERR_NOMEM)
        return cli_fail(c, e == ERR_LIMIT ? CLI_INPUT : CLI_TEMPORARY, "%s: %s", path, err_name(e));
    cli_note(c,
             c->ja ? "採用 %u、除外 %u、統制目標とともに除外 %u、誤り %zu"
                   : "declared %u, excluded %u, with their objective %u, faults %zu",
             counts.declared, counts.excluded, counts.carried, faults.n);
    return faults.n == 0 ? CLI_OK : CLI_NEGATIVE;
}
