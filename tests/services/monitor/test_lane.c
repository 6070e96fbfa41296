/* Numbering of alerts: each answer, and random traffic against a simple model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "services/monitor/core/lane.h"

#define COUNT(x) (sizeof(x) / sizeof(x)[0])

static const uint8_t ones[LANE_ALERTS_MAX * LANE_DIGEST_BYTES] = {0};

struct row {
    const char *fact;
    uint64_t epoch, next_seq;
    uint64_t push_epoch, first_seq;
    uint32_t n;
    enum lane_answer answer;
    uint32_t skip;
    uint64_t expected_epoch, expected_seq;
};

static const struct row table[] = {
    {"the first message starts at 1", 0, 0, 1, 1, 3, LANE_TAKEN, 0, 1, 1},
    {"in any epoch", 0, 0, 7, 1, 3, LANE_TAKEN, 0, 7, 1},
    {"and nowhere else", 0, 0, 1, 2, 3, LANE_GAP, 0, 1, 1},
    {"the next number is taken", 2, 10, 2, 10, 4, LANE_TAKEN, 0, 2, 10},
    {"a gap is refused with the number expected", 2, 10, 2, 11, 4, LANE_GAP, 0, 2, 10},
    {"an overlap is skipped", 2, 10, 2, 8, 4, LANE_TAKEN, 2, 2, 10},
    {"all of it may be there already", 2, 10, 2, 6, 4, LANE_TAKEN, 4, 2, 10},
    {"even long ago", 2, 1000, 2, 6, 4, LANE_TAKEN, 4, 2, 1000},
    {"a higher epoch starts over", 2, 10, 3, 1, 4, LANE_TAKEN, 0, 3, 1},
    {"at 1", 2, 10, 3, 10, 4, LANE_GAP, 0, 3, 1},
    {"a lower epoch is refused", 2, 10, 1, 10, 4, LANE_OLD_EPOCH, 0, 2, 10},
    {"epoch 0 is none", 2, 10, 0, 10, 4, LANE_INVALID, 0, 2, 10},
    {"number 0 is none", 2, 10, 2, 0, 4, LANE_INVALID, 0, 2, 10},
    {"a message without alerts is none", 2, 10, 2, 10, 0, LANE_INVALID, 0, 2, 10},
    {"too many alerts", 2, 10, 2, 10, LANE_ALERTS_MAX + 1, LANE_INVALID, 0, 2, 10},
    {"numbers must not run over", 2, 10, 2, UINT64_MAX - 1, 4, LANE_INVALID, 0, 2, 10},
};

static void each_message_gets_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        const struct row *t = &table[i];
        struct lane_state s = {.epoch = t->epoch, .next_seq = t->next_seq};
        struct lane_push p = {t->push_epoch, t->first_seq, t->n, ones};
        struct lane_result r = lane_check(&s, &p);
        if (r.answer != t->answer || r.skip != t->skip || r.expected_epoch != t->expected_epoch ||
            r.expected_seq != t->expected_seq)
            fail_msg("%s: answer %d skip %u expected %llu/%llu", t->fact, (int)r.answer, r.skip,
                     (unsigned long long)r.expected_epoch, (unsigned long long)r.expected_seq);
    }
}

static void other_bytes_under_a_taken_number_are_seen(void **state)
{
    (void)state;
    uint8_t a[5 * LANE_DIGEST_BYTES] = {0};
    struct lane_state s = {0};
    struct lane_push p = {1, 1, 5, a};
    lane_take(&s, &p, 0, 5);
    uint8_t b[sizeof a];
    memcpy(b, a, sizeof b);
    b[3 * LANE_DIGEST_BYTES + 7] = 1;
    p.digests = b;
    struct lane_result r = lane_check(&s, &p);
    assert_int_equal(r.answer, LANE_CHANGED);
    assert_int_equal(r.changed_seq, 4);
    p.n = 3;
    assert_int_equal(lane_check(&s, &p).answer, LANE_TAKEN);
}

static void only_the_last_batches_are_remembered(void **state)
{
    (void)state;
    static uint8_t a[6][LANE_DIGEST_BYTES];
    struct lane_state s = {0};
    for (uint64_t i = 0; i < 6; i++) {
        struct lane_push p = {1, i + 1, 1, a[i]};
        lane_take(&s, &p, 0, 1);
    }
    assert_int_equal(s.n_recent, LANE_RECENT_MAX);
    assert_int_equal(s.next_seq, 7);
    static const uint8_t other[LANE_DIGEST_BYTES] = {9};
    struct lane_push p = {1, 2, 1, other};
    assert_int_equal(lane_check(&s, &p).answer, LANE_TAKEN);
    p.first_seq = 3;
    assert_int_equal(lane_check(&s, &p).answer, LANE_CHANGED);
}

/* ---- a model that remembers everything */

#define MODEL_MAX 4096

struct model {
    uint64_t epoch;
    uint64_t n; /* numbers 1 to n are taken */
    uint8_t value[MODEL_MAX];
    uint64_t starts[MODEL_MAX];
    size_t n_starts;
};

static uint32_t rng = 99;

static uint32_t next_random(uint32_t below)
{
    rng = rng * 1664525u + 1013904223u;
    return (rng >> 8) % below;
}

static enum lane_answer model_answer(const struct model *m, const struct lane_push *p,
                                     uint32_t *skip)
{
    *skip = 0;
    if (p->epoch < m->epoch)
        return LANE_OLD_EPOCH;
    if (p->epoch > m->epoch)
        return p->first_seq == 1 ? LANE_TAKEN : LANE_GAP;
    if (p->first_seq > m->n + 1)
        return LANE_GAP;
    uint64_t oldest = m->n_starts > LANE_RECENT_MAX ? m->starts[m->n_starts - LANE_RECENT_MAX] : 1;
    for (uint32_t i = 0; i < p->n && p->first_seq + i <= m->n; i++) {
        uint64_t seq = p->first_seq + i;
        if (seq >= oldest && m->value[seq] != p->digests[i * LANE_DIGEST_BYTES])
            return LANE_CHANGED;
        ++*skip;
    }
    return LANE_TAKEN;
}

static void random_traffic_does_what_the_model_says(void **state)
{
    (void)state;
    static struct model m;
    static uint8_t kept[1 << 15][16 * LANE_DIGEST_BYTES];
    size_t used = 0;
    struct lane_state s = {0};
    size_t seen[LANE_INVALID + 1] = {0};
    for (int round = 0; round < 30000; round++) {
        uint8_t *d = kept[used];
        struct lane_push p = {.epoch = m.epoch, .n = 1 + next_random(16), .digests = d};
        if (m.epoch == 0 || m.n > MODEL_MAX - 64 || next_random(200) == 0)
            p.epoch = m.epoch + 1 + next_random(2);
        else if (next_random(50) == 0 && m.epoch > 1)
            p.epoch = m.epoch - 1;
        uint64_t base = p.epoch > m.epoch ? 1 : m.n + 1;
        uint32_t jump = next_random(10);
        p.first_seq = jump < 6                ? base
                      : jump < 8 && base > 20 ? base - next_random(20)
                                              : base + next_random(3);
        bool honest = next_random(10) > 0;
        for (uint32_t i = 0; i < p.n; i++) {
            uint64_t seq = p.first_seq + i;
            bool known = p.epoch == m.epoch && seq <= m.n;
            d[i * LANE_DIGEST_BYTES] = known && honest ? m.value[seq] : (uint8_t)next_random(256);
        }
        uint32_t skip;
        enum lane_answer want = model_answer(&m, &p, &skip);
        struct lane_result r = lane_check(&s, &p);
        assert_int_equal(r.answer, want);
        seen[want]++;
        if (want == LANE_GAP)
            assert_int_equal(r.expected_seq, p.epoch > m.epoch ? 1 : m.n + 1);
        if (want != LANE_TAKEN)
            continue;
        assert_int_equal(r.skip, skip);
        /* now and then only a part fits */
        uint32_t taken =
            skip < p.n && next_random(5) == 0 ? skip + 1 + next_random(p.n - skip) : p.n;
        lane_take(&s, &p, skip, taken);
        if (p.epoch > m.epoch)
            m = (struct model){.epoch = p.epoch};
        if (taken > skip)
            m.starts[m.n_starts++] = m.n + 1;
        for (uint32_t i = skip; i < taken; i++)
            m.value[++m.n] = d[i * LANE_DIGEST_BYTES];
        assert_int_equal(s.epoch, m.epoch);
        assert_int_equal(s.next_seq, m.n + 1);
        used = (used + 1) % COUNT(kept);
    }
    for (int a = LANE_TAKEN; a <= LANE_OLD_EPOCH; a++)
        assert_true(seen[a] > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_gets_its_answer),
        cmocka_unit_test(other_bytes_under_a_taken_number_are_seen),
        cmocka_unit_test(only_the_last_batches_are_remembered),
        cmocka_unit_test(random_traffic_does_what_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
