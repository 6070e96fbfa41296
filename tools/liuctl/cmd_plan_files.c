/* Plans as files for others, and what differs between two plans. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liuctl/commands.h"
#include "liuctl/plan_doc.h"
#include "liuctl/plan_out.h"
#include "liuctl/plan_sources.h"
#include "services/audit/audit_record.h"
#include "wire/json.h"

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

int plan_write(struct cli *c, const char *path, const struct buf *b)
{
    if (b->failed)
        return cli_fail(c, CLI_TEMPORARY,
                        c->ja ? "メモリが足りないか、%zu バイトを超えています"
                              : "no memory, or more than %zu bytes",
                        b->max);
    if (path == NULL)
        return fwrite(b->data, 1, b->len, stdout) == b->len && fflush(stdout) == 0
                   ? CLI_OK
                   : cli_fail(c, CLI_TEMPORARY, "stdout: %s", cli_errno(c));
    if (c->dry_run) {
        cli_note(c, "%s: %s", path,
                 c->ja ? "書き込みません(--dry-run)" : "not written (--dry-run)");
        return CLI_OK;
    }
    char *temp = arena_printf(&c->arena, "%s.XXXXXX", path);
    int fd = temp == NULL ? -1 : mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return cli_fail(c, CLI_INPUT, "%s: %s", path, cli_errno(c));
    bool ok = write_all(fd, b->data, b->len) && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temp, path) == 0;
    if (ok)
        return CLI_OK;
    int status = cli_fail(c, CLI_INPUT, "%s: %s", path, cli_errno(c));
    (void)unlink(temp);
    return status;
}

static int write_tree(struct cli *c, const char *path, json_t *j, size_t flags)
{
    char *text = j == NULL ? NULL : json_dumps(j, flags);
    json_decref(j);
    struct buf b;
    buf_init(&b, PLAN_DOC_BYTES_MAX);
    if (text == NULL || buf_printf(&b, "%s\n", text) != ERR_OK)
        b.failed = true;
    int status = plan_write(c, path, &b);
    buf_fini(&b);
    free(text);
    return status;
}

int plan_write_json(struct cli *c, const char *path, const ProtobufCMessage *m)
{
    return write_tree(c, path, wire_to_json(m), JSON_COMPACT);
}

/* An export that its own check refuses is never given out. */
static int write_oscal(struct cli *c, const struct plan_doc *d, const char *path)
{
    json_t *j = plan_oscal(&c->arena, d);
    struct buf report;
    buf_init(&report, 65536);
    enum err e = j == NULL ? ERR_NOMEM : plan_oscal_check(&c->arena, j, d, &report);
    if (e == ERR_INVAL)
        (void)fwrite(report.data, 1, report.len, stderr);
    buf_fini(&report);
    if (e == ERR_OK)
        return write_tree(c, path, j, JSON_INDENT(1));
    json_decref(j);
    return e == ERR_INVAL ? cli_fail(c, CLI_INPUT,
                                     c->ja ? "この計画は OSCAL として書き出せません"
                                           : "the plan cannot be written as OSCAL")
                          : cli_no_memory(c);
}

static int write_text(struct cli *c, const struct plan_doc *d, const char *path,
                      void (*make)(const struct plan_doc *d, struct buf *out))
{
    struct buf b;
    buf_init(&b, PLAN_DOC_BYTES_MAX);
    make(d, &b);
    int status = plan_write(c, path, &b);
    buf_fini(&b);
    return status;
}

/* libxlsxwriter writes to a name: a file of ours, from which the rest goes as with the others. */
static int write_xlsx(struct cli *c, const struct plan_doc *d, const char *path)
{
    const char *dir = getenv("TMPDIR");
    char *temp = arena_printf(&c->arena, "%s/liuctl.XXXXXX", dir == NULL ? "/tmp" : dir);
    int fd = temp == NULL ? -1 : mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return cli_fail(c, CLI_TEMPORARY, "%s: %s", temp == NULL ? "" : temp, cli_errno(c));
    (void)close(fd);
    int status = CLI_OK;
    size_t bytes = 0;
    if (plan_xlsx(d, temp) != ERR_OK)
        status = cli_fail(c, CLI_TEMPORARY, "%s: %s", temp, cli_errno(c));
    const char *data = status == CLI_OK ? cli_read_file(c, temp, &bytes) : NULL;
    (void)unlink(temp);
    if (data == NULL)
        return CLI_TEMPORARY;
    struct buf b;
    buf_init(&b, PLAN_DOC_BYTES_MAX);
    (void)buf_put(&b, data, bytes);
    status = plan_write(c, path, &b);
    buf_fini(&b);
    return status;
}

/* The record, from a file or the service. */
static int get_record(struct cli *c, const char *case_id, const char *file,
                      const Ismap__Liu__V1__AuditPlan **out)
{
    Ismap__Liu__V1__GetPlan get = ISMAP__LIU__V1__GET_PLAN__INIT;
    ProtobufCMessage *answer = NULL;
    int status = CLI_OK;
    if (file != NULL) {
        *out = plan_record_read(c, file);
        return *out == NULL ? CLI_INPUT : CLI_OK;
    }
    get.case_id = (char *)(uintptr_t)case_id;
    status = cli_request(c, CLI_AUDIT, &get.base, false, &answer);
    *out = (void *)answer;
    return status == CLI_OK && answer == NULL ? CLI_TEMPORARY : status;
}

int plan_doc_get(struct cli *c, struct cli_args *a, struct plan_sources *s, struct plan_doc *d)
{
    const char *file = cli_option(a, "--plan");
    const char *catalogue = cli_option(a, "--catalogue");
    int status = CLI_OK;
    *s = (struct plan_sources){.catalogue_version = ""};
    if (catalogue != NULL)
        status = plan_catalogue_read(c, a, catalogue, s);
    const char *case_id = cli_next(a);
    if (status == CLI_OK && (case_id == NULL) == (file == NULL))
        return cli_usage(c, c->ja ? "案件番号または --plan を指定してください"
                                  : "give a case or --plan FILE");
    if (status == CLI_OK && !cli_done(c, a))
        status = CLI_USAGE;
    const Ismap__Liu__V1__AuditPlan *m = NULL;
    if (status == CLI_OK)
        status = get_record(c, case_id, file, &m);
    if (status == CLI_OK && catalogue == NULL)
        status = plan_catalogue_stored(c, m->catalogue_version, s);
    if (status != CLI_OK)
        return status;
    struct err_text why = {""};
    if (strcmp(m->catalogue_version, s->catalogue_version) != 0)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "この計画は管理基準 %s によるもので、%s ではありません"
                              : "the plan is of catalogue %s, not %s",
                        m->catalogue_version, s->catalogue_version);
    if (plan_doc_open(&c->arena, m, &s->catalogue, d, &why) != ERR_OK)
        return cli_fail(c, CLI_INPUT, "%s", why.text);
    return CLI_OK;
}

int cmd_plan_export(struct cli *c, struct cli_args *a)
{
    static const char *const formats[] = {"oscal", "csv", "svg", "xlsx"};
    const char *format = cli_option(a, "--format");
    const char *out = cli_option(a, "--out");
    struct plan_sources s;
    struct plan_doc d;
    size_t k = 0;
    while (format != NULL && k < 4 && strcmp(format, formats[k]) != 0)
        k++;
    if (format == NULL || k == 4)
        return cli_usage(c, c->ja ? "--format oscal|csv|svg|xlsx を指定してください"
                                  : "--format: oscal, csv, svg or xlsx");
    int status = plan_doc_get(c, a, &s, &d);
    if (status != CLI_OK)
        return status;
    switch (k) {
    case 0:
        return write_oscal(c, &d, out);
    case 1:
        return write_text(c, &d, out, plan_csv);
    case 2:
        return write_text(c, &d, out, plan_svg);
    default:
        return write_xlsx(c, &d, out);
    }
}

/* ---- what differs */

/* Civil years of one control and party in both plans, as bits from the earlier first year on. */
struct change {
    const char *id;
    int party;
    uint64_t years[2];
};

static int by_control(const void *x, const void *y)
{
    const struct change *a = x;
    const struct change *b = y;
    int c = strcmp(a->id, b->id);
    return c != 0 ? c : a->party - b->party;
}

/* One entry for each item, then those of one control and party together. */
static size_t changes_of(const Ismap__Liu__V1__AuditPlan *const plans[2], int32_t base,
                         struct change *out)
{
    size_t n = 0;
    for (unsigned side = 0; side < 2; side++)
        for (size_t i = 0; i < plans[side]->n_items; i++) {
            const Ismap__Liu__V1__PlanItem *item = plans[side]->items[i];
            int32_t bit = audit_record_first_year(plans[side]) - base + (int32_t)item->year - 1;
            struct change *k = &out[n++];
            *k = (struct change){.id = item->control_id, .party = (int)item->party};
            k->years[side] = bit >= 0 && bit < 64 ? 1ULL << bit : 0;
        }
    if (n == 0)
        return 0;
    qsort(out, n, sizeof *out, by_control);
    size_t kept = 0;
    for (size_t i = 1; i < n; i++) {
        if (by_control(&out[kept], &out[i]) != 0) {
            out[++kept] = out[i];
            continue;
        }
        out[kept].years[0] |= out[i].years[0];
        out[kept].years[1] |= out[i].years[1];
    }
    return kept + 1;
}

static const char *years_text(struct cli *c, uint64_t bits, int32_t base)
{
    const char *s = "";
    for (int i = 0; i < 64; i++)
        if ((bits >> i & 1) != 0)
            s = arena_printf(&c->arena, "%s%s%d", s == NULL ? "" : s,
                             s == NULL || s[0] == '\0' ? "" : " ", base + i);
    return s == NULL || s[0] == '\0' ? "-" : s;
}

/* Which of the inputs that a plan depends on differ: the planner has no other reason to move. */
static const char *why_moved(struct cli *c, const Ismap__Liu__V1__AuditPlan *const p[2])
{
    const char *s = "";
    if (strcmp(p[0]->catalogue_version, p[1]->catalogue_version) != 0)
        s = arena_printf(&c->arena, "%s catalogue %s -> %s;", s, p[0]->catalogue_version,
                         p[1]->catalogue_version);
    if (s != NULL && strcmp(p[0]->rulebook_hash, p[1]->rulebook_hash) != 0)
        s = arena_printf(&c->arena, "%s rulebook %.12s -> %.12s;", s, p[0]->rulebook_hash,
                         p[1]->rulebook_hash);
    if (s != NULL && strcmp(p[0]->core_version, p[1]->core_version) != 0)
        s = arena_printf(&c->arena, "%s core %s -> %s;", s, p[0]->core_version, p[1]->core_version);
    if (s != NULL && audit_record_first_year(p[0]) != audit_record_first_year(p[1]))
        s = arena_printf(&c->arena, "%s first year %d -> %d;", s, audit_record_first_year(p[0]),
                         audit_record_first_year(p[1]));
    if (s == NULL || s[0] != '\0')
        return s == NULL ? "?" : s + 1;
    return c->ja ? "監査の履歴または除外した管理策" : "history or excluded controls;";
}

static void print_change(struct cli *c, struct cli_table *t, const struct change *k, int32_t base)
{
    const char *kind = k->years[0] == 0 ? "added" : k->years[1] == 0 ? "removed" : "moved";
    const char *cells[] = {kind, k->id, k->party == PLAN_EXTERNAL ? "external" : "internal",
                           years_text(c, k->years[0], base), years_text(c, k->years[1], base)};
    if (c->json)
        cli_print_json(c, json_pack("{s:s, s:s, s:s, s:s, s:s}", "change", cells[0], "control",
                                    cells[1], "party", cells[2], "from", cells[3], "to", cells[4]));
    else
        cli_table_row(c, t, 5, cells);
}

int cmd_plan_diff(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[] = {"CHANGE", "CONTROL", "PARTY", "FROM", "TO"};
    static const char *const head_ja[] = {"変更", "管理策", "主体", "変更前", "変更後"};
    const char *paths[2];
    paths[0] = cli_next(a);
    paths[1] = cli_next(a);
    if (!cli_done(c, a) || paths[1] == NULL)
        return cli_usage(c, c->ja ? "2つの計画を指定してください" : "give two plans");
    const Ismap__Liu__V1__AuditPlan *plans[2];
    for (size_t i = 0; i < 2; i++) {
        plans[i] = plan_record_read(c, paths[i]);
        if (plans[i] == NULL)
            return CLI_INPUT;
    }
    int32_t base = audit_record_first_year(plans[0]);
    if (audit_record_first_year(plans[1]) < base)
        base = audit_record_first_year(plans[1]);
    struct change *changes =
        arena_alloc(&c->arena, (plans[0]->n_items + plans[1]->n_items) * sizeof *changes);
    if (changes == NULL)
        return cli_no_memory(c);
    size_t n = changes_of(plans, base, changes);
    struct cli_table t = {0};
    size_t differ = 0;
    cli_table_row(c, &t, 5, c->ja ? head_ja : head_en);
    for (size_t i = 0; i < n; i++) {
        if (changes[i].years[0] == changes[i].years[1])
            continue;
        differ++;
        print_change(c, &t, &changes[i], base);
    }
    if (differ == 0) {
        cli_note(c, c->ja ? "違いはありません" : "no difference");
        return CLI_OK;
    }
    if (!c->json)
        cli_table_print(c, &t);
    cli_note(c, c->ja ? "%zu 件。異なる入力: %s" : "%zu changes; inputs that differ: %s", differ,
             why_moved(c, plans));
    return CLI_NEGATIVE;
}
