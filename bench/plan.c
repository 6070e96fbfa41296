/* How long the planner's core takes over a catalogue: one line of JSON, times in microseconds.
 *
 *   bench-plan CATALOGUE.json|CATALOGUE.csv [ROUNDS [GROWTH.svg]]
 *
 * With a picture to write, also 2 to 10 copies of the catalogue side by side, one line each: each
 * copy has domains of its own. "again" is a plan made from its own plan before, with one control in
 * a hundred changed.
 *
 * Every fourth control of the controls tier that can be audited is important, every fourth of those
 * annual, and all of it was audited at some time in the six years before: more than a real
 * catalogue asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "services/audit/catalogue_oscal.h"
#include "services/audit/core/plan.h"

#define ROUNDS_MAX 10000
#define COPIES_MAX 10

struct bench {
    struct arena a;
    struct catalogue c;
    struct plan_policy policy;
    struct plan_input in;
    int64_t load_us;
};

static enum err load_csv(struct bench *b, const char *path)
{
    struct audit_faults faults = {.n = 0};
    char *text = arena_alloc(&b->a, CATALOGUE_FILE_BYTES);
    FILE *f = fopen(path, "rbe");
    if (f == NULL || text == NULL) {
        if (f != NULL)
            (void)fclose(f);
        return ERR_IO;
    }
    size_t n = fread(text, 1, CATALOGUE_FILE_BYTES, f);
    (void)fclose(f);
    return catalogue_parse(&b->a, text, n, &b->c, &faults);
}

static enum err load(struct bench *b, const char *path)
{
    struct err_text why = {""};
    const char *version = NULL;
    size_t n = strlen(path);
    int64_t start = clock_mono_us();
    enum err e = n > 5 && strcmp(path + n - 5, ".json") == 0
                     ? catalogue_oscal_load(&b->a, path, NULL, &b->c, &version, NULL, &why)
                     : load_csv(b, path);
    b->load_us = clock_mono_us() - start;
    if (e != ERR_OK)
        (void)fprintf(stderr, "%s: %s %s\n", path, err_name(e), why.text);
    return e;
}

static enum err ask(struct bench *b)
{
    struct plan_important *im = arena_alloc(&b->a, b->c.n * sizeof *im);
    struct plan_history *h = arena_alloc(&b->a, 2 * b->c.n * sizeof *h);
    if (im == NULL || h == NULL)
        return ERR_NOMEM;
    size_t n = 0;
    size_t m = 0;
    for (size_t i = 0; i < b->c.n; i++) {
        const struct catalogue_item *it = &b->c.items[i];
        if (it->tier == CATALOGUE_CONTROLS && !it->not_assessed && i % 4 == 0) {
            im[n] = (struct plan_important){it->id, n % 4 == 0};
            n++;
        }
        h[m++] = (struct plan_history){
            .id = it->id, .party = PLAN_EXTERNAL, .year = 2024 + (int32_t)(i % 3)};
        h[m++] = (struct plan_history){
            .id = it->id, .party = PLAN_INTERNAL, .year = 2024 + (int32_t)(i / 2 % 3)};
    }
    b->policy = (struct plan_policy){.rotation_years = 3,
                                     .internal_cycle_years = 3,
                                     .internal_all_tiers = true,
                                     .internal_sliding = true,
                                     .important = im,
                                     .n_important = n,
                                     .hours_external = 8,
                                     .hours_internal = 4};
    b->in = (struct plan_input){
        .catalogue = &b->c, .policy = &b->policy, .history = h, .n_history = m, .first_year = 2027};
    return ERR_OK;
}

static int by_value(const void *x, const void *y)
{
    const int64_t *a = x;
    const int64_t *b = y;
    return *a < *b ? -1 : *a > *b;
}

/* What one round took, and what came out. */
struct figures {
    int64_t make_us;
    int64_t check_us;
    int64_t again_us;
    size_t items;
    size_t memory;
    uint32_t moves;
    struct plan_certificate cert;
};

/* One change in a hundred controls, against the plan just made. */
static enum err make_again(const struct bench *b, struct arena *a, const struct plan *plan,
                           struct figures *f)
{
    static struct audit_faults faults;
    struct plan_before *before = arena_alloc(a, plan->n * sizeof *before);
    struct plan_trigger *changes = arena_alloc(a, b->c.n * sizeof *changes);
    struct plan_input in = b->in;
    struct plan next;
    if (before == NULL || changes == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < plan->n; i++)
        before[i] = (struct plan_before){plan->items[i].control_id, plan->items[i].party,
                                         in.first_year + (int32_t)plan->items[i].year - 1};
    for (size_t i = 0; i < b->c.n; i += 100)
        changes[in.n_triggers++] = (struct plan_trigger){
            .id = b->c.items[i].id, .cause = PLAN_FINDING, .year = in.first_year};
    in.before = before;
    in.n_before = plan->n;
    in.triggers = changes;
    faults.n = 0;
    int64_t start = clock_mono_us();
    enum err e = audit_plan_make(a, &in, &next, &faults);
    f->again_us = clock_mono_us() - start;
    f->moves = (uint32_t)next.n_moves;
    return e;
}

static enum err once(const struct bench *b, struct figures *f)
{
    static struct audit_faults faults;
    struct arena a;
    struct plan plan;
    faults.n = 0;
    arena_init(&a, 256u << 20);
    int64_t start = clock_mono_us();
    enum err e = audit_plan_make(&a, &b->in, &plan, &faults);
    int64_t made = clock_mono_us();
    f->memory = a.used_bytes;
    if (e == ERR_OK)
        e = audit_plan_check(&a, &b->in, &plan, &faults);
    if (e == ERR_OK)
        e = audit_plan_certify(&a, &b->in, &plan, &f->cert);
    f->make_us = made - start;
    f->check_us = clock_mono_us() - made;
    f->items = plan.n;
    if (e == ERR_OK)
        e = make_again(b, &a, &plan, f);
    if (e != ERR_OK && faults.n > 0)
        (void)fprintf(stderr, "%s: %s\n", faults.items[0].field, faults.items[0].en);
    arena_fini(&a);
    return e;
}

/* The catalogue n times, ids with the number of their copy in front. */
static enum err copy_catalogue(struct bench *b, const struct catalogue *from, unsigned n)
{
    static struct audit_faults faults;
    struct catalogue_item *items = arena_alloc(&b->a, n * from->n * sizeof *items);
    if (items == NULL)
        return ERR_NOMEM;
    uint16_t domains = (uint16_t)(from->items[from->n - 1].numbers[0] + 1);
    for (unsigned k = 0; k < n; k++)
        for (size_t i = 0; i < from->n; i++) {
            struct catalogue_item *it = &items[k * from->n + i];
            *it = from->items[i];
            it->numbers[0] = (uint16_t)(it->numbers[0] + k * domains);
            (void)snprintf(it->id, sizeof it->id, "%c-%.20s", (char)('a' + k), from->items[i].id);
        }
    return catalogue_index_named(&b->a, items, n * from->n, &b->c, &faults);
}

static int64_t median(int64_t *values, uint64_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

static enum err measure(const struct bench *b, uint64_t rounds, struct figures *out)
{
    static int64_t make[ROUNDS_MAX];
    static int64_t check[ROUNDS_MAX];
    static int64_t again[ROUNDS_MAX];
    enum err e = ERR_OK;
    for (uint64_t i = 0; e == ERR_OK && i < rounds; i++) {
        e = once(b, out);
        make[i] = out->make_us;
        check[i] = out->check_us;
        again[i] = out->again_us;
    }
    if (e != ERR_OK)
        return e;
    int64_t most = 0;
    for (uint64_t i = 0; i < rounds; i++)
        most = make[i] > most ? make[i] : most;
    out->make_us = median(make, rounds);
    out->check_us = median(check, rounds);
    out->again_us = median(again, rounds);
    (void)printf("{\"controls\":%zu,\"items\":%zu,\"rounds\":%llu,\"loadUs\":%lld,"
                 "\"makeP50Us\":%lld,\"makeMaxUs\":%lld,\"checkP50Us\":%lld,\"againP50Us\":%lld,"
                 "\"moves\":%u,\"memoryBytes\":%zu,\"gapHours\":%u}\n",
                 b->c.n, out->items, (unsigned long long)rounds, (long long)b->load_us,
                 (long long)out->make_us, (long long)most, (long long)out->check_us,
                 (long long)out->again_us, out->moves, out->memory, out->cert.gap_hours);
    return ERR_OK;
}

/* ---- growth, as a picture */

struct point {
    double controls;
    double ms[3]; /* make, check, again */
};

static void draw_line(FILE *f, const struct point *p, size_t n, unsigned k, double x, double y)
{
    static const char *const names[] = {"make", "check and certificate", "make again, 1 % changed"};
    static const char *const dashes[] = {"", "8 4", "2 3"};
    (void)fprintf(
        f, "<polyline fill='none' stroke='#000' stroke-width='2' stroke-dasharray='%s' points='",
        dashes[k]);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(f, "%.1f,%.1f ", 70 + p[i].controls * x, 420 - p[i].ms[k] * y);
    (void)fprintf(f, "'/>\n<text x='%.1f' y='%.1f'>%s</text>\n", 78 + p[n - 1].controls * x,
                  424 - p[n - 1].ms[k] * y, names[k]);
}

static bool draw(const char *path, const struct point *p, size_t n)
{
    FILE *f = fopen(path, "we");
    double most = 0.001;
    if (f == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        for (unsigned k = 0; k < 3; k++)
            most = p[i].ms[k] > most ? p[i].ms[k] : most;
    double x = 560 / p[n - 1].controls;
    double y = 360 / most;
    (void)fprintf(
        f, "<svg xmlns='http://www.w3.org/2000/svg' width='860' height='480' viewBox='0 0 860 "
           "480' font-family='sans-serif' font-size='13'>\n<rect width='100%%' height='100%%' "
           "fill='white'/><text x='70' y='30' font-size='15'>One plan, by number of "
           "controls</text>\n<text x='70' y='465'>controls</text><text x='10' y='50'>ms</text>\n");
    for (unsigned i = 0; i <= 4; i++)
        (void)fprintf(
            f,
            "<line x1='70' y1='%.1f' x2='630' y2='%.1f' stroke='#ccc'/><text x='62' y='%.1f' "
            "text-anchor='end'>%.1f</text>\n<text x='%.1f' y='442' "
            "text-anchor='middle'>%.0f</text>\n",
            420 - 90.0 * i, 420 - 90.0 * i, 424 - 90.0 * i, most / 4 * i, 70 + 140.0 * i,
            p[n - 1].controls / 4 * i);
    for (unsigned k = 0; k < 3; k++)
        draw_line(f, p, n, k, x, y);
    (void)fprintf(f, "</svg>\n");
    return fclose(f) == 0;
}

static enum err grow(struct bench *b, uint64_t rounds, const char *path)
{
    struct point points[COPIES_MAX];
    const struct catalogue one = b->c;
    enum err e = ERR_OK;
    for (unsigned n = 1; e == ERR_OK && n <= COPIES_MAX; n++) {
        struct figures f;
        e = copy_catalogue(b, &one, n);
        if (e == ERR_OK)
            e = ask(b);
        if (e == ERR_OK)
            e = measure(b, rounds, &f);
        if (e == ERR_OK)
            points[n - 1] = (struct point){
                (double)b->c.n,
                {(double)f.make_us / 1000, (double)f.check_us / 1000, (double)f.again_us / 1000}};
    }
    return e != ERR_OK || draw(path, points, COPIES_MAX) ? e : ERR_IO;
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct figures f;
    uint64_t rounds = 200;
    if (argc < 2 || argc > 4 ||
        (argc >= 3 && (text_u64(argv[2], ROUNDS_MAX, &rounds) != ERR_OK || rounds == 0))) {
        (void)fprintf(stderr, "usage: bench-plan CATALOGUE [ROUNDS [GROWTH.svg]]\n");
        return 2;
    }
    arena_init(&b.a, 512u << 20);
    enum err e = load(&b, argv[1]);
    if (e == ERR_OK)
        e = argc == 4 ? grow(&b, rounds, argv[3]) : ask(&b);
    if (e == ERR_OK && argc < 4)
        e = measure(&b, rounds, &f);
    if (e != ERR_OK)
        (void)fprintf(stderr, "bench-plan: %s\n", err_name(e));
    arena_fini(&b.a);
    return e == ERR_OK ? 0 : 1;
}
