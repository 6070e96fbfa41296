/* The picture of a plan: two heat maps and bars. Sizes in CSS pixels; it fits A4 upright. */
#include "liuctl/plan_doc.h"

#include <string.h>

#define DOMAINS_MAX 64
#define CELL_H 20
#define LEFT 230
#define MAP_W 210
#define GAP 30
#define TOP 84
#define BARS_H 150

struct domain {
    const struct catalogue_item *first;
    uint32_t n[3][PLAN_YEARS_MAX]; /* by party and year */
};

struct picture {
    const struct plan_doc *doc;
    struct buf *out;
    struct domain domains[DOMAINS_MAX];
    size_t n_domains;
    uint32_t most[3]; /* of a cell, by party */
};

/* At most so many columns; what is not Latin takes two. */
static void text_node(struct buf *out, const char *s, size_t columns_max)
{
    size_t columns = 0;
    for (; *s != '\0'; s++) {
        if (((unsigned char)*s & 0xc0) != 0x80)
            columns += (unsigned char)*s >= 0xe0 ? 2 : 1;
        if (columns > columns_max) {
            (void)buf_puts(out, "…");
            return;
        }
        if (*s == '<' || *s == '&' || *s == '>')
            (void)buf_printf(out, "&#%d;", *s);
        else if ((unsigned char)*s >= ' ')
            (void)buf_put(out, s, 1);
    }
}

/* The catalogue is in order, so a domain begins where its number changes. More than DOMAINS_MAX are
 * counted in the last. */
static void count(struct picture *p)
{
    const struct catalogue *c = p->doc->catalogue;
    for (size_t i = 0; i < c->n; i++)
        if ((i == 0 || c->items[i].numbers[0] != c->items[i - 1].numbers[0]) &&
            p->n_domains < DOMAINS_MAX)
            p->domains[p->n_domains++].first = &c->items[i];
    for (size_t i = 0; i < p->doc->plan.n; i++) {
        const struct plan_item *item = &p->doc->plan.items[i];
        const struct catalogue_item *it = catalogue_find(c, item->control_id);
        size_t d = 0;
        while (d + 1 < p->n_domains && p->domains[d].first->numbers[0] != it->numbers[0])
            d++;
        uint32_t n = ++p->domains[d].n[item->party][item->year - 1];
        p->most[item->party] = n > p->most[item->party] ? n : p->most[item->party];
    }
}

static int map_left(enum plan_party party)
{
    return party == PLAN_EXTERNAL ? LEFT : LEFT + MAP_W + GAP;
}

static void cell(struct picture *p, size_t row, enum plan_party party, uint32_t year)
{
    uint32_t n = p->domains[row].n[party][year];
    int w = MAP_W / (int)p->doc->plan.years;
    int x = map_left(party) + w * (int)year;
    int y = TOP + CELL_H * (int)row;
    /* from white to a blue that black figures still stand out on */
    uint32_t shade = p->most[party] == 0 ? 0 : 100 * n / p->most[party];
    (void)buf_printf(p->out,
                     "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                     "fill=\"rgb(%u,%u,%u)\" stroke=\"#555\"%s/>\n",
                     x, y, w - 2, CELL_H - 2, 255 - shade * 130 / 100, 255 - shade * 75 / 100,
                     255 - shade * 15 / 100,
                     party == PLAN_INTERNAL ? " stroke-dasharray=\"3 2\"" : "");
    (void)buf_printf(p->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", x + w / 2 - 1,
                     y + 13);
    (void)buf_printf(p->out, n == 0 ? "–</text>\n" : "%u</text>\n", n);
}

static void heat_maps(struct picture *p)
{
    static const char *const titles[] = {"", "外部監査 / external", "内部監査 / internal"};
    int w = MAP_W / (int)p->doc->plan.years;
    for (enum plan_party party = PLAN_EXTERNAL; party <= PLAN_INTERNAL; party++) {
        int x = map_left(party);
        (void)buf_printf(p->out, "<text class=\"h\" x=\"%d\" y=\"%d\">%s</text>\n", x, TOP - 24,
                         titles[party]);
        for (uint32_t y = 0; y < p->doc->plan.years; y++)
            (void)buf_printf(p->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d</text>\n",
                             x + w * (int)y + w / 2 - 1, TOP - 6, p->doc->first_year + (int32_t)y);
    }
    for (size_t d = 0; d < p->n_domains; d++) {
        (void)buf_printf(p->out, "<text x=\"12\" y=\"%d\">%u ", TOP + CELL_H * (int)d + 13,
                         p->domains[d].first->numbers[0]);
        text_node(p->out, plan_domain_name(p->domains[d].first), 34);
        (void)buf_puts(p->out, "</text>\n");
        for (uint32_t y = 0; y < p->doc->plan.years; y++) {
            cell(p, d, PLAN_EXTERNAL, y);
            cell(p, d, PLAN_INTERNAL, y);
        }
    }
}

static void bar(struct picture *p, uint32_t year, int base, uint64_t top_hours)
{
    const struct plan_load *l = &p->doc->plan.loads[year];
    int step = (2 * MAP_W + GAP) / (int)p->doc->plan.years;
    int w = step * 6 / 10;
    int x = LEFT + step * (int)year + (step - w) / 2;
    int ext = (int)((uint64_t)l->external_hours * BARS_H / top_hours);
    int in = (int)((uint64_t)l->internal_hours * BARS_H / top_hours);
    (void)buf_printf(p->out,
                     "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#7d9fc9\" "
                     "stroke=\"#333\"/>\n"
                     "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"url(#hatch)\" "
                     "stroke=\"#333\"/>\n",
                     x, base - ext, w, ext, x, base - ext - in, w, in);
    (void)buf_printf(p->out,
                     "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d 年</text>\n"
                     "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%u + %u = %u h</text>\n",
                     x + w / 2, base + 16, p->doc->first_year + (int32_t)year, x + w / 2, base + 32,
                     l->external_hours, l->internal_hours, l->external_hours + l->internal_hours);
}

static void bars(struct picture *p, int top)
{
    const struct plan *plan = &p->doc->plan;
    uint64_t most = 1;
    uint64_t total = 0;
    uint32_t years = plan->years;
    if (years == 0)
        return; /* plan_doc_open lets none through */
    for (uint32_t y = 0; y < years; y++) {
        uint64_t h = (uint64_t)plan->loads[y].external_hours + plan->loads[y].internal_hours;
        most = h > most ? h : most;
        total += h;
    }
    most += most / 8; /* room above the mean's line */
    int base = top + BARS_H;
    int right = LEFT + 2 * MAP_W + GAP;
    uint64_t mean = total / years;
    (void)buf_printf(p->out,
                     "<text class=\"h\" x=\"12\" y=\"%d\">工数 / hours</text>\n"
                     "<rect x=\"12\" y=\"%d\" width=\"14\" height=\"12\" fill=\"#7d9fc9\" "
                     "stroke=\"#333\"/><text x=\"32\" y=\"%d\">外部監査 / external</text>\n"
                     "<rect x=\"12\" y=\"%d\" width=\"14\" height=\"12\" fill=\"url(#hatch)\" "
                     "stroke=\"#333\"/><text x=\"32\" y=\"%d\">内部監査 / internal</text>\n",
                     top + 12, top + 28, top + 39, top + 48, top + 59);
    (void)buf_printf(p->out,
                     "<line x1=\"12\" y1=\"%d\" x2=\"26\" y2=\"%d\" class=\"mean\"/>"
                     "<text x=\"32\" y=\"%d\">平均 / mean %llu h</text>\n",
                     top + 74, top + 74, top + 78, (unsigned long long)mean);
    for (uint32_t y = 0; y < plan->years; y++)
        bar(p, y, base, most);
    int line = base - (int)(total * BARS_H / years / most);
    (void)buf_printf(p->out,
                     "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"mean\"/>\n"
                     "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#333\"/>\n",
                     LEFT, line, right, line, LEFT, base, right, base);
}

void plan_svg(const struct plan_doc *d, struct buf *out)
{
    struct picture p = {.doc = d, .out = out};
    count(&p);
    int width = LEFT + 2 * MAP_W + GAP + 12;
    int below = TOP + CELL_H * (int)p.n_domains + 28;
    int height = below + BARS_H + 76;
    (void)buf_printf(out,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                     "height=\"%d\" role=\"img\" aria-labelledby=\"t s\" lang=\"ja\">\n<title "
                     "id=\"t\">監査計画 ",
                     width, height, width, height);
    text_node(out, d->record->case_id, 64);
    (void)buf_printf(
        out,
        "</title>\n<desc id=\"s\">領域と年ごとの監査項目数と工数 / items by domain and year, hours "
        "by year</desc>\n<style>text{font:11px 'Noto Sans JP','Noto Sans CJK JP','IPAGothic',"
        "'Hiragino Sans','Yu Gothic',sans-serif;fill:#111}.h{font-weight:600}.t{font-size:14px}"
        ".s{font-size:9px;fill:#333}.mean{stroke:#111;stroke-width:1.5;stroke-dasharray:6 3}"
        "</style>\n<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
        "patternUnits=\"userSpaceOnUse\"><rect width=\"6\" height=\"6\" fill=\"#fff\"/><path "
        "d=\"M0 6L6 0\" stroke=\"#333\"/></pattern></defs>\n<rect width=\"100%%\" height=\"100%%\" "
        "fill=\"#fff\"/>\n<text class=\"h t\" x=\"12\" y=\"24\">監査計画 / audit plan ");
    text_node(out, d->record->case_id[0] != '\0' ? d->record->case_id : "(offline)", 64);
    (void)buf_puts(out, "</text>\n<text x=\"12\" y=\"42\">");
    text_node(out, d->record->provider, 64);
    (void)buf_puts(out, "</text>\n");
    heat_maps(&p);
    bars(&p, below);
    (void)buf_printf(out, "<text class=\"s\" x=\"12\" y=\"%d\">管理基準 / catalogue ", height - 22);
    text_node(out, d->record->catalogue_version, 64);
    (void)buf_printf(
        out,
        "　– = なし / none</text>\n<text class=\"s\" x=\"12\" y=\"%d\">plan %s</text>\n"
        "</svg>\n",
        height - 9, d->hash);
}
