/* The small parts kept in memory: urgent doors, the book of open incidents, the keyed hash, alert
 * slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "services/monitor/core/book.h"
#include "services/monitor/core/door.h"
#include "services/monitor/core/slices.h"

#define T0 1000000

/* ---- doors */

static void a_feed_gets_its_rate_and_no_more(void **state)
{
    (void)state;
    struct door d = {0};
    uint64_t seq = 0;
    for (int i = 0; i < 10; i++) {
        seq += 6;
        assert_int_equal(door_ask(&d, 60, 1, seq, 6, T0), DOOR_OPEN);
        door_charge(&d, 1, seq, 6, false, T0);
    }
    assert_int_equal(door_ask(&d, 60, 1, seq + 1, 1, T0), DOOR_TOO_FAST);
    assert_int_equal(door_ask(&d, 60, 1, seq + 1, 1, T0 + 999), DOOR_TOO_FAST);
    assert_int_equal(door_ask(&d, 60, 1, seq + 1, 1, T0 + 1000), DOOR_OPEN);
}

static void the_same_numbers_are_charged_once(void **state)
{
    (void)state;
    struct door d = {0};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(door_ask(&d, 16, 1, 16, 16, T0), DOOR_OPEN);
        door_charge(&d, 1, 16, 16, true, T0);
    }
    assert_int_equal(d.strikes, 1);
    assert_int_equal(door_ask(&d, 16, 1, 17, 2, T0), DOOR_TOO_FAST);
}

static void a_message_larger_than_the_rate_still_comes_through_a_full_door(void **state)
{
    (void)state;
    struct door d = {0};
    assert_int_equal(door_ask(&d, 2, 1, 16, 16, T0), DOOR_OPEN);
    door_charge(&d, 1, 16, 16, false, T0);
    assert_int_equal(door_ask(&d, 2, 1, 17, 1, T0), DOOR_TOO_FAST);
}

static void a_higher_epoch_is_charged_anew(void **state)
{
    (void)state;
    struct door d = {0};
    assert_int_equal(door_ask(&d, 1, 1, 500, 1, T0), DOOR_OPEN);
    door_charge(&d, 1, 500, 1, false, T0);
    assert_int_equal(door_ask(&d, 1, 2, 1, 1, T0), DOOR_TOO_FAST);
    assert_int_equal(door_ask(&d, 1, 2, 1, 1, T0 + 60000), DOOR_OPEN);
}

static void three_misuses_close_the_door_for_a_while(void **state)
{
    (void)state;
    struct door d = {0};
    for (uint64_t i = 1; i <= DOOR_STRIKES; i++) {
        assert_int_equal(door_ask(&d, 0, 1, i, 1, T0), DOOR_OPEN);
        door_charge(&d, 1, i, 1, true, T0);
    }
    assert_int_equal(door_ask(&d, 0, 1, 9, 1, T0 + DOOR_CLOSED_MS - 1), DOOR_CLOSED);
    assert_int_equal(door_ask(&d, 0, 1, 9, 1, T0 + DOOR_CLOSED_MS), DOOR_OPEN);
}

static void misuses_far_apart_do_not_add_up(void **state)
{
    (void)state;
    struct door d = {0};
    for (uint64_t i = 1; i <= 10; i++) {
        int64_t now = T0 + (int64_t)i * DOOR_STRIKE_WINDOW_MS / 2;
        assert_int_equal(door_ask(&d, 0, 1, i, 1, now), DOOR_OPEN);
        door_charge(&d, 1, i, 1, true, now);
    }
}

/* ---- the book */

static void the_book_points_to_the_open_incident_or_the_next(void **state)
{
    struct book *b;
    const struct sip_key key = {1, 2};
    char topic[BOOK_TOPIC_BYTES + 1] = "ABCDEFGHJKMNPQRS";
    (void)state;
    assert_int_equal(book_create(&key, &b), ERR_OK);
    assert_int_equal(book_guess(b, topic), 1);
    assert_int_equal(book_note(b, topic, 1, true), ERR_OK);
    assert_int_equal(book_guess(b, topic), 1);
    assert_int_equal(book_note(b, topic, 1, false), ERR_OK);
    assert_int_equal(book_guess(b, topic), 2);
    assert_int_equal(book_note(b, topic, 1, true), ERR_OK); /* old news */
    assert_int_equal(book_guess(b, topic), 2);
    assert_int_equal(book_note(b, topic, 5, true), ERR_OK);
    assert_int_equal(book_note(b, topic, 4, true), ERR_OK);
    assert_int_equal(book_guess(b, topic), 5);
    for (unsigned i = 0; i < 5000; i++) {
        char other[BOOK_TOPIC_BYTES + 1];
        (void)snprintf(other, sizeof other, "TOPIC%011u", i);
        assert_int_equal(book_note(b, other, i + 1, true), ERR_OK);
    }
    assert_int_equal(book_topics(b), 5001);
    assert_int_equal(book_guess(b, topic), 5);
    assert_int_equal(book_guess(b, "TOPIC00000000777"), 778);
    book_destroy(b);
}

/* ---- the hash */

static void the_hash_depends_on_key_and_every_byte(void **state)
{
    (void)state;
    const struct sip_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    const struct sip_key other = {0x0706050403020100u, 0x0f0e0d0c0b0a0909u};
    uint8_t data[40];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    assert_true(sip_hash(&key, data, 15) != sip_hash(&other, data, 15));
    for (size_t n = 0; n < sizeof data; n++) {
        uint64_t h = sip_hash(&key, data, n);
        assert_true(h != sip_hash(&key, data, n + 1));
        for (size_t i = 0; i < n; i++) {
            data[i] ^= 0x80;
            assert_true(h != sip_hash(&key, data, n));
            data[i] ^= 0x80;
        }
    }
}

/* ---- slices */

static void alerts_are_found_where_they_stand(void **state)
{
    (void)state;
    /* epoch 300, lane 2, two alerts, a fixed64 and a fixed32 nobody knows, one alert */
    static const uint8_t data[] = {0x08, 0xac, 0x02, 0x10, 0x02, 0x22, 0x03, 'a',  'b', 'c',
                                   0x22, 0x00, 0x79, 1,    2,    3,    4,    5,    6,   7,
                                   8,    0x7d, 1,    2,    3,    4,    0x22, 0x01, 'z'};
    struct slice s[3];
    size_t n;
    assert_int_equal(slices_find(data, sizeof data, 4, s, 3, &n), ERR_OK);
    assert_int_equal(n, 3);
    assert_int_equal(s[0].bytes, 3);
    assert_memory_equal(s[0].data, "abc", 3);
    assert_int_equal(s[1].bytes, 0);
    assert_memory_equal(s[2].data, "z", 1);
    assert_int_equal(slices_find(data, sizeof data, 4, s, 2, &n), ERR_LIMIT);
}

static void torn_bytes_are_refused_wherever_they_end(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x08, 0xac, 0x02, 0x22, 0x03, 'a', 'b', 'c', 0x7d, 1, 2, 3, 4};
    static const size_t whole[] = {0, 3, 8, 13};
    struct slice s[4];
    size_t n;
    for (size_t end = 0; end <= sizeof data; end++) {
        int ok = 0;
        for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
            ok |= whole[i] == end;
        assert_int_equal(slices_find(data, end, 4, s, 4, &n), ok ? ERR_OK : ERR_PROTO);
    }
    static const uint8_t group[] = {0x23, 0x24};
    assert_int_equal(slices_find(group, sizeof group, 4, s, 4, &n), ERR_PROTO);
    static const uint8_t huge[] = {0x22, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0x01};
    assert_int_equal(slices_find(huge, sizeof huge, 4, s, 4, &n), ERR_PROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feed_gets_its_rate_and_no_more),
        cmocka_unit_test(the_same_numbers_are_charged_once),
        cmocka_unit_test(a_message_larger_than_the_rate_still_comes_through_a_full_door),
        cmocka_unit_test(a_higher_epoch_is_charged_anew),
        cmocka_unit_test(three_misuses_close_the_door_for_a_while),
        cmocka_unit_test(misuses_far_apart_do_not_add_up),
        cmocka_unit_test(the_book_points_to_the_open_incident_or_the_next),
        cmocka_unit_test(the_hash_depends_on_key_and_every_byte),
        cmocka_unit_test(alerts_are_found_where_they_stand),
        cmocka_unit_test(torn_bytes_are_refused_wherever_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
