/* Catalogues: put into the store, put in force, listed, compared. */
#include <string.h>

#include "ismap/liu/v1/audit.pb-c.h"
#include "liuctl/commands.h"
#include "liuctl/plan_sources.h"
#include "services/audit/catalogue_load.h"

static char *lend(const char *s)
{
    return (char *)(uintptr_t)s;
}

int cmd_catalogue_put(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__PutCatalogue m = ISMAP__LIU__V1__PUT_CATALOGUE__INIT;
    struct plan_sources s = {.catalogue_version = ""};
    ProtobufCMessage *answer = NULL;
    const char *version = cli_option(a, "--version");
    const char *path = cli_next(a);
    if (path == NULL)
        return cli_usage(c, c->ja ? "管理基準のファイル (CSV、または OSCAL の .json) "
                                    "を指定してください。登録済みのものは liuctl catalogue list"
                                  : "which file is the catalogue (CSV, or OSCAL as .json)? liuctl "
                                    "catalogue list tells what is in the store already");
    if (version != NULL)
        s.catalogue_version = version;
    int status = plan_catalogue_read(c, a, path, &s);
    if (status != CLI_OK || !cli_done(c, a))
        return status != CLI_OK ? status : CLI_USAGE;
    const char *slash = strrchr(path, '/');
    if (catalogue_message(&c->arena, &s.catalogue, version != NULL ? version : s.catalogue_version,
                          slash == NULL ? path : slash + 1, &m.catalogue) != ERR_OK)
        return CLI_TEMPORARY;
    status = cli_request(c, CLI_AUDIT, &m.base, true, &answer);
    if (status == CLI_OK && !c->dry_run)
        cli_note(c,
                 c->ja ? "登録しました: %s (%zu 件)。適用するには liuctl catalogue activate %s "
                         "--reason 理由"
                       : "put: %s (%zu controls); to have it in force: liuctl catalogue activate "
                         "%s --reason TEXT",
                 m.catalogue->version, m.catalogue->n_items, m.catalogue->version);
    return status;
}

int cmd_catalogue_activate(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__ActivateCatalogue m = ISMAP__LIU__V1__ACTIVATE_CATALOGUE__INIT;
    const char *reason = cli_option(a, "--reason");
    bool follow = cli_flag(a, "--follow");
    ProtobufCMessage *answer = NULL;
    m.version = lend(cli_next(a));
    if (!cli_done(c, a) || m.version == NULL || reason == NULL)
        return cli_usage(c, c->ja ? "版と --reason を指定してください"
                                  : "give a version and --reason");
    m.reason = lend(reason);
    int status = cli_request(c, CLI_AUDIT, &m.base, true, &answer);
    return status == CLI_OK && follow && !c->dry_run ? cli_replan_watch(c, true) : status;
}

static const char *take_page(struct cli *c, struct cli_list *l, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__CatalogueList *m = (const void *)answer;
    for (size_t i = 0; i < m->n_catalogues; i++) {
        const Ismap__Liu__V1__CatalogueSummary *s = m->catalogues[i];
        const char *cells[] = {s->version, s->in_force ? "*" : "",
                               arena_printf(&c->arena, "%u", s->items), s->source};
        cli_list_row(c, l, &s->base, cells);
    }
    return m->next_page;
}

int cmd_catalogue_list(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[] = {"VERSION", "IN FORCE", "CONTROLS", "SOURCE"};
    static const char *const head_ja[] = {"版", "適用中", "件数", "出典"};
    Ismap__Liu__V1__ListCatalogues m = ISMAP__LIU__V1__LIST_CATALOGUES__INIT;
    struct cli_list l;
    if (!cli_done(c, a))
        return CLI_USAGE;
    cli_list_begin(c, &l, 4, head_en, head_ja);
    return cli_list_pages(c, CLI_AUDIT, &m.base, &m.page, take_page, &l);
}

static bool same_item(const struct catalogue_item *x, const struct catalogue_item *y)
{
    return x->tier == y->tier && x->objective == y->objective &&
           x->basic_statement == y->basic_statement &&
           x->provider_specific == y->provider_specific && x->not_assessed == y->not_assessed &&
           x->key == y->key;
}

static void tell(struct cli *c, const char *mark, const char *word, const char *id, size_t *n)
{
    (*n)++;
    if (c->json)
        cli_print_json(c, json_pack("{s:s, s:s}", "controlId", id, "change", word));
    else
        (void)printf("%s %s\n", mark, id);
}

int cmd_catalogue_diff(struct cli *c, struct cli_args *a)
{
    struct plan_sources s[2] = {{.catalogue_version = ""}, {.catalogue_version = ""}};
    const char *tiers = cli_option(a, "--tier-map");
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        char *map[] = {lend("--tier-map"), lend(tiers)};
        struct cli_args own = {.argc = tiers == NULL ? 0 : 2, .argv = map};
        const char *path = cli_next(a);
        if (path == NULL)
            return cli_usage(c, c->ja ? "管理基準のファイルを2つ指定してください"
                                      : "give two catalogues");
        int status = plan_catalogue_read(c, &own, path, &s[i]);
        if (status != CLI_OK)
            return status;
    }
    if (!cli_done(c, a))
        return CLI_USAGE;
    for (size_t i = 0; i < s[0].catalogue.n; i++) {
        const struct catalogue_item *old = &s[0].catalogue.items[i];
        const struct catalogue_item *new = catalogue_find(&s[1].catalogue, old->id);
        if (new == NULL)
            tell(c, "-", "REMOVED", old->id, &n);
        else if (!same_item(old, new))
            tell(c, "~", "CHANGED", old->id, &n);
    }
    for (size_t i = 0; i < s[1].catalogue.n; i++)
        if (catalogue_find(&s[0].catalogue, s[1].catalogue.items[i].id) == NULL)
            tell(c, "+", "ADDED", s[1].catalogue.items[i].id, &n);
    return n == 0 ? CLI_OK : CLI_NEGATIVE;
}
