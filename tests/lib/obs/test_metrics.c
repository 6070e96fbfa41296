/* What Prometheus reads: each name once, buckets that only grow, and no way for a label to break
 * out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "obs/metrics.h"

static struct buf page;

static int fresh(void **state)
{
    (void)state;
    metrics_reset();
    buf_init(&page, (size_t)4 * 1024 * 1024);
    return 0;
}

static int done(void **state)
{
    (void)state;
    metrics_reset();
    buf_fini(&page);
    return 0;
}

static const char *render(void)
{
    buf_clear(&page);
    metrics_render(&page);
    assert_int_equal(buf_put(&page, "", 1), ERR_OK);
    return (const char *)page.data;
}

static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = strstr(text, what); p != NULL; p = strstr(p + 1, what))
        n++;
    return n;
}

static void counter_and_gauge_print_their_values(void **state)
{
    (void)state;
    struct metric *c = metrics_counter("messages_total", "type=\"A\",role=\"csp\"", "Messages.");
    struct metric *g = metrics_gauge("lag", NULL, "How far\nbehind \\ it is.");
    metric_add(c, 2);
    metric_add(c, 40);
    metric_set(g, -7);
    const char *text = render();
    assert_non_null(strstr(text, "# HELP messages_total Messages.\n"
                                 "# TYPE messages_total counter\n"
                                 "messages_total{type=\"A\",role=\"csp\"} 42\n"));
    assert_non_null(strstr(text, "# HELP lag How far\\nbehind \\\\ it is.\n"
                                 "# TYPE lag gauge\n"
                                 "lag -7\n"));
}

static void one_name_has_one_head_and_its_samples_together(void **state)
{
    (void)state;
    metric_add(metrics_counter("a_total", "t=\"1\"", "A."), 1);
    metric_add(metrics_counter("b_total", "", "B."), 5);
    metric_add(metrics_counter("a_total", "t=\"2\"", "A."), 2);
    metric_add(metrics_counter("a_total", "t=\"3\"", "another text"), 3);
    const char *text = render();
    assert_int_equal(times(text, "# HELP a_total "), 1);
    assert_int_equal(times(text, "# TYPE a_total "), 1);
    assert_non_null(
        strstr(text, "a_total{t=\"1\"} 1\na_total{t=\"2\"} 2\na_total{t=\"3\"} 3\n# HELP b_total"));
}

static void same_name_and_labels_are_the_same_metric(void **state)
{
    (void)state;
    struct metric *a = metrics_counter("a_total", "t=\"1\"", "A.");
    assert_ptr_equal(a, metrics_counter("a_total", "t=\"1\"", "A."));
    assert_ptr_not_equal(a, metrics_counter("a_total", "t=\"2\"", "A."));
    assert_ptr_equal(metrics_gauge("g", "", "G."), metrics_gauge("g", NULL, "G."));
}

static void histogram_counts_into_cumulative_buckets_in_seconds(void **state)
{
    (void)state;
    struct metric *h = metrics_histogram("turn_seconds", "stage=\"x\"", "Turns.");
    metric_observe_us(h, -5);
    metric_observe_us(h, 50);
    metric_observe_us(h, 51);
    metric_observe_us(h, 13107200);
    metric_observe_us(h, 13107201);
    const char *text = render();
    assert_non_null(strstr(text, "# TYPE turn_seconds histogram\n"
                                 "turn_seconds_bucket{stage=\"x\",le=\"0.000050\"} 2\n"
                                 "turn_seconds_bucket{stage=\"x\",le=\"0.000100\"} 3\n"));
    assert_non_null(strstr(text, "{stage=\"x\",le=\"6.553600\"} 3\n"));
    assert_non_null(strstr(text, "turn_seconds_bucket{stage=\"x\",le=\"13.107200\"} 4\n"
                                 "turn_seconds_bucket{stage=\"x\",le=\"+Inf\"} 5\n"
                                 "turn_seconds_sum{stage=\"x\"} 26.214502\n"
                                 "turn_seconds_count{stage=\"x\"} 5\n"));
}

static void histogram_without_labels_has_no_empty_braces(void **state)
{
    (void)state;
    metric_observe_us(metrics_histogram("h_seconds", "", "H."), 60);
    const char *text = render();
    assert_non_null(strstr(text, "h_seconds_bucket{le=\"0.000100\"} 1\n"));
    assert_non_null(strstr(text, "h_seconds_sum 0.000060\nh_seconds_count 1\n"));
    assert_null(strstr(text, "{}"));
}

static void what_would_break_the_page_is_refused_and_counted(void **state)
{
    static const struct {
        const char *name;
        const char *labels;
    } rows[] = {
        {"", ""},
        {"1a", ""},
        {"a b", ""},
        {"a\n", ""},
        {"a-b", ""},
        {"a", "t"},
        {"a", "t=1"},
        {"a", "t=\"1"},
        {"a", "t=\"1\"x"},
        {"a", "t=\"1\","},
        {"a", ",t=\"1\""},
        {"a", "1t=\"1\""},
        {"a", "t=\"a\nb\""},
        {"a", "t=\"\\x\""},
        {"a", "t=\"1\\\""},
        {"a", "t=\"1\"} 5\nevil{t=\"2\""},
    };
    char want[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct metric *m = metrics_counter(rows[i].name, rows[i].labels, "X.");
        assert_non_null(m);
        metric_add(m, 1);
        metric_set(m, 1);
        metric_observe_us(m, 1);
    }
    const char *text = render();
    (void)snprintf(want, sizeof want, "\nliu_metrics_refused_total %zu\n",
                   sizeof rows / sizeof rows[0]);
    assert_non_null(strstr(text, want));
    assert_null(strstr(text, "evil"));
    assert_int_equal(times(text, "\n"), 3);
}

static void escaped_label_values_are_taken(void **state)
{
    (void)state;
    metric_add(metrics_counter("a_total", "t=\"a\\\\b\\\"c\\n\",u=\"\xe9\x9b\xb2\"", "A."), 1);
    assert_non_null(strstr(render(), "a_total{t=\"a\\\\b\\\"c\\n\",u=\"\xe9\x9b\xb2\"} 1\n"));
}

static void one_name_is_one_type(void **state)
{
    (void)state;
    struct metric *c = metrics_counter("a", "", "A.");
    assert_ptr_not_equal(c, metrics_gauge("a", "t=\"1\"", "A."));
    const char *text = render();
    assert_int_equal(times(text, "# TYPE a "), 1);
    assert_non_null(strstr(text, "liu_metrics_refused_total 1\n"));
}

static void the_513th_metric_is_the_overflow_not_a_crash(void **state)
{
    struct metric *last = NULL;
    (void)state;
    for (int i = 0; i < 515; i++) {
        char labels[32];
        (void)snprintf(labels, sizeof labels, "n=\"%d\"", i);
        last = metrics_counter("many_total", labels, "Many.");
        assert_non_null(last);
        metric_add(last, 1);
    }
    assert_ptr_equal(last, metrics_gauge("other", "", "O."));
    const char *text = render();
    assert_int_equal(times(text, "many_total{"), 512);
    assert_non_null(strstr(text, "liu_metrics_refused_total 4\n"));
    assert_int_equal(times(text, "# TYPE many_total "), 1);
}

static void page_that_is_too_small_is_marked(void **state)
{
    struct buf small;
    (void)state;
    buf_init(&small, 20);
    metric_add(metrics_counter("a_total", "", "A."), 1);
    metrics_render(&small);
    assert_true(small.failed);
    buf_fini(&small);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(counter_and_gauge_print_their_values),
        FRESH(one_name_has_one_head_and_its_samples_together),
        FRESH(same_name_and_labels_are_the_same_metric),
        FRESH(histogram_counts_into_cumulative_buckets_in_seconds),
        FRESH(histogram_without_labels_has_no_empty_braces),
        FRESH(what_would_break_the_page_is_refused_and_counted),
        FRESH(escaped_label_values_are_taken),
        FRESH(one_name_is_one_type),
        FRESH(the_513th_metric_is_the_overflow_not_a_crash),
        FRESH(page_that_is_too_small_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
