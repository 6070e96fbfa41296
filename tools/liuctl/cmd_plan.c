/* Plans without a service: made, checked and quoted from files, with the core that the service has.
 */
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/text.h"
#include "liuctl/commands.h"
#include "liuctl/plan_out.h"
#include "liuctl/plan_sources.h"
#include "services/audit/audit_record.h"

/* --first-year Y and --date DATE: by default the day of today, and its year. */
static int take_times(struct cli *c, struct cli_args *a, int32_t *first_year, int64_t *made_at_ms)
{
    const char *date = cli_option(a, "--date");
    const char *year = cli_option(a, "--first-year");
    int32_t days = date_of_ms(clock_wall_ms());
    if (date != NULL && date_parse(date, &days) != ERR_OK)
        return cli_usage(
            c, c->ja ? "--date: YYYY-MM-DD の日付ではありません: %s" : "--date: not YYYY-MM-DD: %s",
            date);
    char day[DATE_TEXT_BYTES];
    date_format(days, day);
    *made_at_ms = date_start_ms(days);
    day[4] = '\0';
    uint64_t v = 0;
    if (text_u64(year != NULL ? year : day, 2900, &v) != ERR_OK || v < 1900)
        return cli_usage(c, c->ja ? "--first-year: 1900 から 2900 までの年です"
                                  : "--first-year: a year from 1900 to 2900");
    *first_year = (int32_t)v;
    return CLI_OK;
}

void plan_certificate_note(struct cli *c, const struct plan_certificate *k)
{
    cli_note(c,
             c->ja ? "最も重い年: %u 年目 %u h、下限 %u h、差 %u h(最も軽い年 %u h、領域内の差 %u、"
                     "移動 %u、期限切れ %u)"
                   : "heaviest year: %u with %u h, bound %u h, gap %u h (lightest %u h, spread "
                     "within a domain %u, moves %u, overdue %u)",
             k->heaviest_year, k->heaviest_hours, k->bound_hours, k->gap_hours, k->lightest_hours,
             k->domain_spread, k->moves, k->overdue);
    cli_note(
        c,
        c->ja ? "最適と証明した目的: 4 のうち %u(件数の均等、最も重い年、領域内の均等、移動の順)。"
                "領域内の二乗和 %llu、下限 %llu。移動の下限 %u"
              : "proved best: %u of 4 objectives (even counts, heaviest year, spread, moves); "
                "spread %llu, bound %llu; moves at least %u",
        k->proved, (unsigned long long)k->spread_squares, (unsigned long long)k->spread_bound,
        k->moves_bound);
}

int plan_make_checked(struct cli *c, struct plan_sources *s, struct plan *plan,
                      struct plan_certificate *cert)
{
    struct audit_faults faults = {.n = 0};
    enum err e = audit_plan_make(&c->arena, &s->in, plan, &faults);
    if (e == ERR_OK)
        e = audit_plan_check(&c->arena, &s->in, plan, &faults);
    if (e == ERR_OK)
        e = audit_plan_certify(&c->arena, &s->in, plan, cert);
    if (e == ERR_OK)
        return CLI_OK;
    for (size_t i = 0; i < audit_faults_kept(&faults); i++)
        (void)cli_fail(c, CLI_INPUT, "%s: [%s] %s", faults.items[i].field, faults.items[i].rule,
                       c->ja ? faults.items[i].ja : faults.items[i].en);
    return cli_fail(c, e == ERR_INVAL ? CLI_INPUT : CLI_TEMPORARY,
                    c->ja ? "計画を作れません: %s" : "no plan: %s", err_name(e));
}

int plan_inputs_read(struct cli *c, struct cli_args *a, struct plan_sources *s, int64_t *made_at_ms)
{
    const char *history = cli_option(a, "--history");
    int32_t first_year = 0;
    int status = take_times(c, a, &first_year, made_at_ms);
    if (status == CLI_OK)
        status = plan_sources_read(c, a, s);
    s->in.first_year = first_year;
    if (status == CLI_OK)
        status = plan_basis_read(c, a, s);
    if (status == CLI_OK && history != NULL)
        status = plan_history_read(c, history, s);
    return status;
}

int cmd_plan_make(struct cli *c, struct cli_args *a)
{
    struct plan_sources s;
    struct plan plan;
    struct plan_certificate cert = {0};
    struct audit_record_about about = {.case_id = "", .provider = ""};
    const char *out = cli_option(a, "--out");
    const char *case_id = cli_option(a, "--case");
    const char *provider = cli_option(a, "--provider");
    int status = plan_inputs_read(c, a, &s, &about.made_at_ms);
    if (status == CLI_OK && !cli_done(c, a))
        status = CLI_USAGE;
    if (status == CLI_OK)
        status = plan_make_checked(c, &s, &plan, &cert);
    if (status != CLI_OK)
        return status;
    about.case_id = case_id != NULL ? case_id : "";
    about.provider = provider != NULL ? provider : "";
    about.catalogue_version = s.catalogue_version;
    about.rulebook_hash = s.rulebook_hash;
    about.first_year = s.in.first_year;
    about.in = &s.in;
    about.certificate = &cert;
    Ismap__Liu__V1__AuditPlan *m = NULL;
    if (audit_record_plan(&c->arena, &plan, &about, &m) != ERR_OK)
        return cli_no_memory(c);
    plan_certificate_note(c, &cert);
    return plan_write_json(c, out, &m->base);
}

/* What the record says of itself, against what it is checked with. R60 and R71 stay the core's. */
static void check_record(struct cli *c, const struct plan_sources *s,
                         const Ismap__Liu__V1__AuditPlan *m, struct audit_faults *f)
{
    struct arena *a = &c->arena;
    if (audit_record_check_hash(a, m) != ERR_OK)
        audit_fault_add(f, a, 0, "planHash", "hash", "計画の内容がハッシュと合いません",
                        "the plan is not the one its hash names");
    if (strcmp(m->catalogue_version, s->catalogue_version) != 0)
        audit_fault_add(f, a, 0, "catalogueVersion", "R60", "別の版の管理基準による計画です",
                        "made from another version of the catalogue");
    if (strcmp(m->rulebook_hash, s->rulebook_hash) != 0)
        audit_fault_add(f, a, 0, "rulebookHash", "R63", "別の規則による計画です",
                        "made under another rulebook");
}

/* What the checked plan holds, for people and programs. */
static void print_checked(struct cli *c, const struct audit_faults *f,
                          const struct plan_certificate *k, const struct plan *plan)
{
    plan_faults_print(c, f);
    if (!c->json) {
        if (f->n == 0)
            (void)printf(c->ja ? "適合: %u 年、%zu 項目、網羅漏れ 0\n"
                               : "ok: %u years, %zu items, nothing uncovered\n",
                         plan->years, plan->n);
        plan_certificate_note(c, k);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < audit_faults_kept(f); i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s, s:s, s:s}", "field", f->items[i].field,
                                              "rule", f->items[i].rule, "messageJa", f->items[i].ja,
                                              "messageEn", f->items[i].en));
    cli_print_json(c, json_pack("{s:b, s:o, s:I, s:{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}}", "ok",
                                f->n == 0, "faults", list, "items", (json_int_t)plan->n,
                                "certificate", "heaviestYear", (int)k->heaviest_year,
                                "heaviestHours", (int)k->heaviest_hours, "boundHours",
                                (int)k->bound_hours, "gapHours", (int)k->gap_hours, "lightestHours",
                                (int)k->lightest_hours, "domainSpread", (int)k->domain_spread,
                                "moves", (int)k->moves, "overdue", (int)k->overdue));
}

/* What the record says of its own quality; older plans say nothing. */
static enum err check_certificate(struct cli *c, const struct plan_sources *s,
                                  const Ismap__Liu__V1__AuditPlan *m, const struct plan *plan,
                                  struct audit_faults *f)
{
    struct plan_certificate said;
    enum err e = audit_record_certificate(&c->arena, m, &said);
    if (e == ERR_NOT_FOUND || e == ERR_NOMEM)
        return e == ERR_NOMEM ? e : ERR_OK;
    if (e == ERR_OK)
        return audit_certificate_check(&c->arena, &s->in, plan, &said, f);
    audit_fault_add(f, &c->arena, 0, "certificate.covers", "R68", "計画の外の年です",
                    "a year outside the plan");
    return e;
}

int cmd_plan_check(struct cli *c, struct cli_args *a)
{
    struct plan_sources s;
    int status = plan_sources_read(c, a, &s);
    if (status != CLI_OK)
        return status;
    const char *path = cli_next(a);
    if (!cli_done(c, a) || path == NULL)
        return cli_usage(c, c->ja ? "計画のファイルを指定してください" : "which file is the plan?");
    const Ismap__Liu__V1__AuditPlan *m = plan_record_read(c, path);
    if (m == NULL)
        return CLI_INPUT;
    struct audit_faults faults = {.n = 0};
    struct plan plan = {0};
    struct plan_certificate cert = {0};
    struct err_text why = {""};
    check_record(c, &s, m, &faults);
    status = plan_basis_of_record(c, m, &s);
    if (status != CLI_OK)
        return status;
    enum err e = audit_record_read_plan(&c->arena, m, &plan, &why);
    if (e == ERR_INVAL)
        audit_fault_add(&faults, &c->arena, 0, "plan", "R63", "計画の形をしていません",
                        arena_strdup(&c->arena, why.text));
    if (e == ERR_OK)
        e = audit_plan_check(&c->arena, &s.in, &plan, &faults);
    if (e != ERR_NOMEM && plan.years > 0)
        e = audit_plan_certify(&c->arena, &s.in, &plan, &cert);
    if (e != ERR_NOMEM)
        e = check_certificate(c, &s, m, &plan, &faults);
    if (e == ERR_NOMEM)
        return cli_no_memory(c);
    print_checked(c, &faults, &cert, &plan);
    return faults.n == 0 ? CLI_OK : CLI_NEGATIVE;
}
