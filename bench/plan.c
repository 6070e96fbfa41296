/* How long the planner's core takes over a catalogue: one line of JSON, times in microseconds.
 *
 *   bench-plan CATALOGUE.json|CATALOGUE.csv [ROUNDS]
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

static enum err once(const struct bench *b, int64_t *make_us, int64_t *check_us, size_t *items,
                     struct plan_certificate *cert)
{
    static struct audit_faults faults;
    struct arena a;
    struct plan plan;
    faults.n = 0;
    arena_init(&a, 64u << 20);
    int64_t start = clock_mono_us();
    enum err e = audit_plan_make(&a, &b->in, &plan, &faults);
    int64_t made = clock_mono_us();
    if (e == ERR_OK)
        e = audit_plan_check(&a, &b->in, &plan, &faults);
    if (e == ERR_OK)
        e = audit_plan_certify(&a, &b->in, &plan, cert);
    *make_us = made - start;
    *check_us = clock_mono_us() - made;
    *items = plan.n;
    arena_fini(&a);
    return e;
}

int main(int argc, char **argv)
{
    static struct bench b;
    static int64_t make[ROUNDS_MAX];
    static int64_t check[ROUNDS_MAX];
    uint64_t rounds = 200;
    size_t items = 0;
    struct plan_certificate cert = {0};
    if (argc < 2 || argc > 3 ||
        (argc == 3 && (text_u64(argv[2], ROUNDS_MAX, &rounds) != ERR_OK || rounds == 0))) {
        (void)fprintf(stderr, "usage: bench-plan CATALOGUE [ROUNDS]\n");
        return 2;
    }
    arena_init(&b.a, 128u << 20);
    enum err e = load(&b, argv[1]);
    if (e == ERR_OK)
        e = ask(&b);
    for (uint64_t i = 0; e == ERR_OK && i < rounds; i++)
        e = once(&b, &make[i], &check[i], &items, &cert);
    if (e == ERR_OK) {
        qsort(make, rounds, sizeof *make, by_value);
        qsort(check, rounds, sizeof *check, by_value);
        (void)printf("{\"controls\":%zu,\"items\":%zu,\"rounds\":%llu,\"loadUs\":%lld,"
                     "\"makeP50Us\":%lld,\"makeMaxUs\":%lld,\"checkP50Us\":%lld,\"gapHours\":%u}\n",
                     b.c.n, items, (unsigned long long)rounds, (long long)b.load_us,
                     (long long)make[rounds / 2], (long long)make[rounds - 1],
                     (long long)check[rounds / 2], cert.gap_hours);
    }
    arena_fini(&b.a);
    return e == ERR_OK ? 0 : 1;
}
