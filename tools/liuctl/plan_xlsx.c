/* The plan as a workbook: an overview, a sheet a year, and where everything is covered.
 * libxlsxwriter gives the parts of its archive a fixed time, so that with the plan's own time as
 * that of creation the same plan gives the same bytes. */
#include "liuctl/plan_doc.h"

#include <string.h>
#include <xlsxwriter.h>

#include "base/date.h"

#define FIRST_BYTES_TIME 315532800 /* 1980-01-01: of a plan without a time */
#define SHEET_NAME_BYTES 32
#define COVERAGE_COLUMNS 11 /* beside the years */

struct book {
    const struct plan_doc *doc;
    lxw_workbook *wb;
    lxw_format *head;
    lxw_format *strong;
    lxw_format *mark;
    lxw_format *wrap;
    lxw_format *tenths;
    bool failed;
};

struct column {
    const char *head;
    double width;
};

static void keep(struct book *b, lxw_error e)
{
    b->failed = b->failed || e != LXW_NO_ERROR;
}

static void text_at(struct book *b, lxw_worksheet *ws, lxw_row_t row, size_t col, const char *s,
                    lxw_format *f)
{
    keep(b, worksheet_write_string(ws, row, (lxw_col_t)col, s, f));
}

static void number_at(struct book *b, lxw_worksheet *ws, lxw_row_t row, size_t col, double v)
{
    keep(b, worksheet_write_number(ws, row, (lxw_col_t)col, v, NULL));
}

/* A number that is a name: of a year, of a domain. */
static void centred_at(struct book *b, lxw_worksheet *ws, lxw_row_t row, size_t col, int32_t v)
{
    keep(b, worksheet_write_number(ws, row, (lxw_col_t)col, v, b->mark));
}

/* A sheet whose first row holds the headings, stays in sight, filters, and is repeated in print. */
static lxw_worksheet *sheet(struct book *b, const char *name, const struct column *columns,
                            size_t n)
{
    lxw_worksheet *ws = workbook_add_worksheet(b->wb, name);
    if (ws == NULL) {
        b->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        keep(b, worksheet_set_column(ws, (lxw_col_t)i, (lxw_col_t)i, columns[i].width, NULL));
        text_at(b, ws, 0, i, columns[i].head, b->head);
    }
    worksheet_freeze_panes(ws, 1, 0);
    worksheet_set_landscape(ws);
    worksheet_set_paper(ws, 9); /* A4 */
    worksheet_fit_to_pages(ws, 1, 0);
    worksheet_set_margins(ws, 0.4, 0.4, 0.5, 0.6); /* inches */
    keep(b, worksheet_set_footer(ws, "&L&A&R&P / &N"));
    keep(b, worksheet_repeat_rows(ws, 0, 0));
    return ws;
}

static void filtered(struct book *b, lxw_worksheet *ws, lxw_row_t rows, size_t columns)
{
    keep(b, worksheet_autofilter(ws, 0, 0, rows == 0 ? 1 : rows, (lxw_col_t)(columns - 1)));
}

static const char *party_ja(enum plan_party p)
{
    return p == PLAN_EXTERNAL ? "外部監査" : "内部監査";
}

static const char *tier_ja(enum catalogue_tier t)
{
    return t == CATALOGUE_GOVERNANCE   ? "ガバナンス基準"
           : t == CATALOGUE_MANAGEMENT ? "マネジメント基準"
                                       : "管理策基準";
}

static lxw_row_t pair(struct book *b, lxw_worksheet *ws, lxw_row_t row, const char *name,
                      const char *value)
{
    text_at(b, ws, row, 0, name, b->strong);
    text_at(b, ws, row, 1, value, NULL);
    return row + 1;
}

/* Loads, from which totals are computed by the sheet: an auditor may change hours and see. */
static void loads(struct book *b, lxw_worksheet *ws, lxw_row_t row)
{
    static const char *const heads[] = {
        "年",        "外部監査 項目数", "外部監査 時間(h)", "内部監査 項目数", "内部監査 時間(h)",
        "計 時間(h)"};
    const struct plan *p = &b->doc->plan;
    lxw_row_t first = row + 1;
    double total = 0;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        text_at(b, ws, row, i, heads[i], b->head);
    for (uint32_t y = 0; y < p->years; y++) {
        const struct plan_load *l = &p->loads[y];
        char sum[64];
        row++;
        centred_at(b, ws, row, 0, b->doc->first_year + (int32_t)y);
        number_at(b, ws, row, 1, l->external_items);
        number_at(b, ws, row, 2, l->external_hours);
        number_at(b, ws, row, 3, l->internal_items);
        number_at(b, ws, row, 4, l->internal_hours);
        (void)snprintf(sum, sizeof sum, "=C%u+E%u", row + 1, row + 1);
        double hours = (double)l->external_hours + l->internal_hours;
        total += hours;
        keep(b, worksheet_write_formula_num(ws, row, 5, sum, NULL, hours));
    }
    char mean[64];
    text_at(b, ws, row + 1, 4, "年平均", b->strong);
    (void)snprintf(mean, sizeof mean, "=AVERAGE(F%u:F%u)", first + 1, row + 1);
    keep(b, worksheet_write_formula_num(ws, row + 1, 5, mean, b->tenths, total / p->years));
}

static lxw_row_t count(struct book *b, lxw_worksheet *ws, lxw_row_t row, const char *name, double v)
{
    text_at(b, ws, row, 0, name, b->strong);
    number_at(b, ws, row, 1, v);
    return row + 1;
}

static lxw_row_t certificate(struct book *b, lxw_worksheet *ws, lxw_row_t row,
                             const Ismap__Liu__V1__PlanCertificate *k)
{
    row = count(b, ws, row, "最も重い年の時間(h)", k->heaviest_hours);
    row = count(b, ws, row, "その下限(h)", k->bound_hours);
    row = count(b, ws, row, "下限との差(h)", k->gap_hours);
    row = count(b, ws, row, "最適と証明した目的(4 のうち)", k->proved);
    row = count(b, ws, row, "期限を過ぎた項目", k->overdue);
    return count(b, ws, row, "前の計画からの移動", k->moves);
}

static void overview(struct book *b)
{
    static const struct column columns[] = {{"項目", 28}, {"内容", 26}, {"", 18},
                                            {"", 18},     {"", 18},     {"", 14}};
    const Ismap__Liu__V1__AuditPlan *m = b->doc->record;
    char day[DATE_TEXT_BYTES] = "";
    lxw_worksheet *ws = sheet(b, "概要", columns, sizeof columns / sizeof columns[0]);
    if (ws == NULL)
        return;
    if (m->made_at_ms > 0)
        date_format(date_of_ms(m->made_at_ms), day);
    lxw_row_t row = 1;
    row = pair(b, ws, row, "案件", m->case_id);
    row = pair(b, ws, row, "事業者", m->provider);
    row = pair(b, ws, row, "作成日", day);
    row = pair(b, ws, row, "管理基準の版", m->catalogue_version);
    row = pair(b, ws, row, "規則のハッシュ", m->rulebook_hash);
    row = pair(b, ws, row, "計画の版", m->core_version);
    row = pair(b, ws, row, "計画のハッシュ", b->doc->hash);
    if (m->certificate != NULL)
        row = certificate(b, ws, row, m->certificate);
    loads(b, ws, row + 1);
}

/* Columns in which the plan has nothing are narrow: the page is fitted to the width of all. */
static void fit_columns(const struct plan_doc *d, struct column *columns)
{
    bool any[4] = {false, false, false, false};
    for (size_t i = 0; i < d->plan.n; i++) {
        const struct plan_item *item = &d->plan.items[i];
        any[0] |= catalogue_find(d->catalogue, item->control_id)->title != NULL;
        any[1] |= item->cause != PLAN_NO_CAUSE;
        any[2] |= item->ref != NULL && item->ref[0] != '\0';
        any[3] |= item->auditor != NULL && item->auditor[0] != '\0';
    }
    for (size_t k = 0; k < 4; k++)
        if (!any[k])
            columns[k == 0 ? 5 : 6 + k].width = 7;
}

static void year_sheet(struct book *b, uint32_t year)
{
    struct column columns[] = {
        {"主体", 10},   {"管理策番号", 16}, {"基準", 18},     {"領域", 6},
        {"領域名", 34}, {"表題", 40},       {"方法", 20},     {"契機", 14},
        {"参照", 16},   {"担当", 14},       {"根拠規則", 10}, {"時間(h)", 10},
    };
    const size_t n = sizeof columns / sizeof columns[0];
    const struct plan *p = &b->doc->plan;
    char name[SHEET_NAME_BYTES];
    fit_columns(b->doc, columns);
    (void)snprintf(name, sizeof name, "%d年", b->doc->first_year + (int32_t)year - 1);
    lxw_worksheet *ws = sheet(b, name, columns, n);
    lxw_row_t row = 0;
    for (size_t i = 0; ws != NULL && i < p->n; i++) {
        const struct plan_item *item = &p->items[i];
        const struct catalogue_item *it = catalogue_find(b->doc->catalogue, item->control_id);
        if (item->year != year)
            continue;
        row++;
        text_at(b, ws, row, 0, party_ja(item->party), NULL);
        text_at(b, ws, row, 1, it->id, NULL);
        text_at(b, ws, row, 2, tier_ja(it->tier), NULL);
        centred_at(b, ws, row, 3, it->numbers[0]);
        text_at(b, ws, row, 4, plan_domain_name(it), NULL);
        text_at(b, ws, row, 5, it->title != NULL ? it->title : "", b->wrap);
        text_at(b, ws, row, 6, plan_mode_word(plan_mode_of(item), true), NULL);
        text_at(b, ws, row, 7, plan_cause_word(item->cause, true), NULL);
        text_at(b, ws, row, 8, item->ref != NULL ? item->ref : "", NULL);
        text_at(b, ws, row, 9, item->auditor != NULL ? item->auditor : "", NULL);
        text_at(b, ws, row, 10, item->rule, NULL);
        number_at(b, ws, row, 11, item->hours);
    }
    if (ws != NULL)
        filtered(b, ws, row, n);
}

/* When it was audited last, by when it has to be again, and whether that is over; of those that the
 * certificate names. */
static void due_dates(struct book *b, lxw_worksheet *ws, lxw_row_t row, const char *id)
{
    const Ismap__Liu__V1__PlanCertificate *k = b->doc->record->certificate;
    size_t col = 6 + b->doc->plan.years;
    for (size_t i = 0; k != NULL && i < k->n_covers; i++) {
        const Ismap__Liu__V1__PlanCover *v = k->covers[i];
        if (strcmp(v->control_id, id) != 0)
            continue;
        size_t at = v->party == ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_EXTERNAL ? col : col + 2;
        if (v->last_year > 0)
            number_at(b, ws, row, at, v->last_year);
        number_at(b, ws, row, at + 1, v->due_year);
        if (v->overdue)
            text_at(b, ws, row, col + 4, "超過", b->mark);
    }
}

/* Of one control: which party audits it in which year. The plan's items are in order by year and
 * party, so one pass over them for each control would do; the catalogue is small enough for it. */
static void coverage_row(struct book *b, lxw_worksheet *ws, lxw_row_t row,
                         const struct catalogue_item *it)
{
    static const char *const marks[] = {"", "外", "内", "外・内"};
    const struct plan *p = &b->doc->plan;
    unsigned by_year[PLAN_YEARS_MAX] = {0};
    double times[2] = {0, 0};
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_item *item = &p->items[i];
        if (strcmp(item->control_id, it->id) != 0)
            continue;
        by_year[item->year - 1] |= item->party == PLAN_EXTERNAL ? 1u : 2u;
        times[item->party == PLAN_EXTERNAL ? 0 : 1]++;
    }
    text_at(b, ws, row, 0, it->id, NULL);
    text_at(b, ws, row, 1, tier_ja(it->tier), NULL);
    text_at(b, ws, row, 2, it->objective ? "統制目標" : "詳細管理策", NULL);
    text_at(b, ws, row, 3, plan_domain_name(it), NULL);
    for (uint32_t y = 0; y < p->years; y++)
        text_at(b, ws, row, 4 + y, marks[by_year[y]], b->mark);
    number_at(b, ws, row, 4 + p->years, times[0]);
    number_at(b, ws, row, 5 + p->years, times[1]);
    due_dates(b, ws, row, it->id);
}

static void coverage(struct book *b)
{
    struct column columns[COVERAGE_COLUMNS + PLAN_YEARS_MAX] = {
        {"管理策番号", 16}, {"基準", 18}, {"区分", 12}, {"領域名", 34}};
    static char names[PLAN_YEARS_MAX][SHEET_NAME_BYTES];
    const struct catalogue *c = b->doc->catalogue;
    uint32_t years = b->doc->plan.years;
    for (uint32_t y = 0; y < years; y++) {
        (void)snprintf(names[y], sizeof names[y], "%d年", b->doc->first_year + (int32_t)y);
        columns[4 + y] = (struct column){names[y], 10};
    }
    columns[4 + years] = (struct column){"外部 回数", 11};
    columns[5 + years] = (struct column){"内部 回数", 11};
    columns[6 + years] = (struct column){"外部 前回", 11};
    columns[7 + years] = (struct column){"外部 期限", 11};
    columns[8 + years] = (struct column){"内部 前回", 11};
    columns[9 + years] = (struct column){"内部 期限", 11};
    columns[10 + years] = (struct column){"期限超過", 10};
    lxw_worksheet *ws = sheet(b, "網羅", columns, COVERAGE_COLUMNS + years);
    lxw_row_t row = 0;
    for (size_t i = 0; ws != NULL && i < c->n; i++)
        if (!c->items[i].not_assessed)
            coverage_row(b, ws, ++row, &c->items[i]);
    if (ws != NULL)
        filtered(b, ws, row, COVERAGE_COLUMNS + years);
}

static void year_at(struct book *b, lxw_worksheet *ws, lxw_row_t row, size_t col, int32_t year)
{
    if (year > 0)
        number_at(b, ws, row, col, year);
    else
        text_at(b, ws, row, col, "－", b->mark);
}

/* What moved against the plan before, when there is one. */
static void moves(struct book *b)
{
    static const struct column columns[] = {{"管理策番号", 16}, {"主体", 12},
                                            {"変更前の年", 12}, {"変更後の年", 12},
                                            {"根拠規則", 10},   {"契機", 24}};
    const Ismap__Liu__V1__AuditPlan *m = b->doc->record;
    const size_t n = sizeof columns / sizeof columns[0];
    lxw_worksheet *ws = m->n_moves == 0 ? NULL : sheet(b, "変更", columns, n);
    for (size_t i = 0; ws != NULL && i < m->n_moves; i++) {
        const Ismap__Liu__V1__PlanMove *v = m->moves[i];
        lxw_row_t row = (lxw_row_t)i + 1;
        text_at(b, ws, row, 0, v->control_id, NULL);
        text_at(b, ws, row, 1, party_ja((enum plan_party)v->party), NULL);
        year_at(b, ws, row, 2, v->from_year);
        year_at(b, ws, row, 3, v->to_year);
        text_at(b, ws, row, 4, v->reason, NULL);
        text_at(b, ws, row, 5, plan_cause_word((enum plan_cause)v->cause, true), NULL);
    }
    if (ws != NULL)
        filtered(b, ws, (lxw_row_t)m->n_moves, n);
}

static void formats(struct book *b)
{
    b->head = workbook_add_format(b->wb);
    b->strong = workbook_add_format(b->wb);
    b->mark = workbook_add_format(b->wb);
    b->wrap = workbook_add_format(b->wb);
    b->tenths = workbook_add_format(b->wb);
    if (b->head == NULL || b->strong == NULL || b->mark == NULL || b->wrap == NULL ||
        b->tenths == NULL) {
        b->failed = true;
        return;
    }
    format_set_bold(b->head);
    format_set_bg_color(b->head, 0xD9E2EF);
    format_set_border(b->head, LXW_BORDER_THIN);
    format_set_bold(b->strong);
    format_set_align(b->mark, LXW_ALIGN_CENTER);
    format_set_text_wrap(b->wrap);
    format_set_num_format(b->tenths, "0.0");
}

enum err plan_xlsx(const struct plan_doc *d, const char *path)
{
    const Ismap__Liu__V1__AuditPlan *m = d->record;
    struct book b = {.doc = d, .wb = workbook_new(path)};
    if (b.wb == NULL)
        return ERR_NOMEM;
    lxw_doc_properties about = {
        .title = "ISMAP-LIU 監査計画",
        .subject = m->case_id,
        .company = m->provider,
        .created = m->made_at_ms > 0 ? (time_t)(m->made_at_ms / 1000) : FIRST_BYTES_TIME,
    };
    keep(&b, workbook_set_properties(b.wb, &about));
    formats(&b);
    if (!b.failed) {
        overview(&b);
        for (uint32_t y = 1; y <= d->plan.years; y++)
            year_sheet(&b, y);
        coverage(&b);
        moves(&b);
    }
    lxw_error e = workbook_close(b.wb);
    if (e == LXW_NO_ERROR && !b.failed)
        return ERR_OK;
    return e == LXW_ERROR_MEMORY_MALLOC_FAILED || e == LXW_NO_ERROR ? ERR_NOMEM : ERR_IO;
}
