/* Whom an entry wakes: held against a plain rule, for many waiters at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/waiters.h"

#define N 60

static struct work works[N];
static Ismap__Liu__V1__FetchEvents asks[N];
static char names[N][8];
static struct waiter *xs[N];
static struct waiters q;
static char *only_a[] = {"ismap.liu.v1.A"};

/* Ten parties, six waiters each; every fifth is an operator, every seventh a feed; some want one
 * type only. */
static int setup(void **state)
{
    (void)state;
    q = (struct waiters){.all = NULL};
    for (unsigned i = 0; i < N; i++) {
        struct work *w = &works[i];
        (void)snprintf(names[i], sizeof names[i], "p%u", i % 10);
        *w = (struct work){.actor = names[i], .actor_kind = RECORD_PARTY};
        w->role =
            i % 5 == 0 ? ISMAP__LIU__V1__ROLE__ROLE_OPERATOR : ISMAP__LIU__V1__ROLE__ROLE_PROVIDER;
        if (i % 7 == 0)
            w->actor_kind = RECORD_FEED;
        w->peer.bytes = 1;
        w->peer.id[0] = (uint8_t)i;
        ismap__liu__v1__fetch_events__init(&asks[i]);
        asks[i].n_types = i % 3 == 0;
        asks[i].types = only_a;
        xs[i] = waiters_add(&q, w);
        assert_non_null(xs[i]);
        xs[i]->ask = &asks[i];
        xs[i]->after = i % 4 == 0 ? 100 : 10;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    while (q.all != NULL)
        waiters_remove(&q, q.all);
    assert_int_equal(q.n, 0);
    assert_null(q.lines);
    assert_null(q.peers);
    return 0;
}

static bool should_wake(unsigned i, uint64_t seq, const char *type, char **audience, size_t n)
{
    const struct work *w = &works[i];
    bool mine = w->role == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR;
    for (size_t k = 0; k < n; k++)
        mine = mine || strcmp(audience[k], "public") == 0 ||
               (w->actor_kind == RECORD_PARTY && strcmp(audience[k], w->actor) == 0);
    return mine && seq > xs[i]->after && (asks[i].n_types == 0 || strcmp(type, only_a[0]) == 0);
}

static void an_entry_wakes_whom_it_concerns(void **state)
{
    (void)state;
    static struct {
        char *type;
        char *audience[3];
        size_t n;
        uint64_t seq;
    } rows[] = {
        {"ismap.liu.v1.A", {"p1"}, 1, 50},
        {"ismap.liu.v1.B", {"p1"}, 1, 50},
        {"ismap.liu.v1.A", {"p1", "p2"}, 2, 150},
        {"ismap.liu.v1.A", {"public"}, 1, 50},
        {"ismap.liu.v1.B", {"p3", "public"}, 2, 150},
        {"ismap.liu.v1.A", {"stranger"}, 1, 150},
        {"ismap.liu.v1.A", {NULL}, 0, 150},
        {"ismap.liu.v1.A", {"p1"}, 1, 10},
        {"ismap.liu.v1.A", {"*"}, 1, 150},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        pb_entry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
        size_t woken = 0;
        e.type = rows[r].type;
        e.audience = rows[r].audience;
        e.n_audience = rows[r].n;
        for (unsigned i = 0; i < N; i++)
            xs[i]->woken = false;
        waiters_mark(&q, rows[r].seq, &e);
        waiters_mark(&q, rows[r].seq, &e); /* once on the list, however often */
        for (unsigned i = 0; i < N; i++) {
            bool want = should_wake(i, rows[r].seq, e.type, e.audience, e.n_audience);
            if (xs[i]->woken != want)
                fail_msg("row %zu, waiter %u: %d instead of %d", r, i, xs[i]->woken, want);
            woken += want;
        }
        struct waiter *x;
        for (; (x = waiters_take_marked(&q)) != NULL; woken--)
            assert_true(x->woken);
        assert_int_equal(woken, 0);
    }
}

static void a_type_that_is_empty_wakes_nobody(void **state)
{
    (void)state;
    pb_entry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    static char *all[] = {"public"};
    e.audience = all;
    e.n_audience = 1;
    waiters_mark(&q, 200, &e);
    assert_null(waiters_take_marked(&q));
}

static void one_that_goes_is_found_no_more(void **state)
{
    (void)state;
    pb_entry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    static char *all[] = {"public"};
    e.type = "ismap.liu.v1.A";
    e.audience = all;
    e.n_audience = 1;
    struct bus_peer peer = works[8].peer;
    waiters_mark(&q, 200, &e);
    assert_ptr_equal(waiters_by_peer(&q, &peer), xs[8]);
    waiters_overtake(&q, xs[8]);
    assert_null(waiters_by_peer(&q, &peer));
    waiters_remove(&q, xs[8]);
    struct waiter *x;
    while ((x = waiters_take_marked(&q)) != NULL)
        assert_ptr_not_equal(x->work, &works[8]);
    assert_int_equal(q.n, N - 1);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(an_entry_wakes_whom_it_concerns),
        T(a_type_that_is_empty_wakes_nobody),
        T(one_that_goes_is_found_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
