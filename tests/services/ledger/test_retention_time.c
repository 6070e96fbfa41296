/* What time may be taken for now when periods are judged: clocks alone do not say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/ledger/drop.h"
#include "services/ledger/late_archive.h"
#include "services/ledger/noise_folder.h"
#include "services/ledger/retention_time.h"
#include "support/folder.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define DAY ((int64_t)RETENTION_DAY_MS)
#define TODAY 20000

static char archive[64];
static char dir[128];
static char journal[160];
static struct retention_seen seen;

static int begin(void **state)
{
    (void)state;
    (void)snprintf(archive, sizeof(archive), "/tmp/liu-time-XXXXXX");
    if (mkdtemp(archive) == NULL)
        return -1;
    (void)snprintf(dir, sizeof(dir), "%s/" EPOCH, archive);
    (void)snprintf(journal, sizeof(journal), "%s/journal", dir);
    memset(&seen, 0, sizeof(seen));
    return mkdir(dir, 0700);
}

static int end(void **state)
{
    (void)state;
    return test_folder_remove(archive);
}

/* Something each `step` days from `from` to `to`. */
static void see(int64_t from, int64_t to, int64_t step)
{
    for (int64_t day = from; day <= to; day += step)
        retention_see(&seen, day * DAY + 5);
}

/* The last day whose entries are older than `days`; -1 = none. */
static int64_t over(int64_t today, int64_t days)
{
    int64_t believed = retention_believed(&seen, today * DAY + DAY / 2, days);
    assert_true(believed % DAY == 0 && believed <= today * DAY + DAY / 2);
    int64_t last = believed / DAY - days - 1;
    assert_true(believed == 0 || retention_over((last + 1) * DAY - 1, days, believed));
    assert_false(retention_over((last + 1) * DAY, days, believed));
    return believed == 0 ? -1 : last;
}

/* ---- days */

static void time_counts_where_something_was_written(void **state)
{
    static const struct {
        int64_t from, to, step; /* what is seen */
        int64_t today;
        int64_t over; /* of a period of 500 days */
    } rows[] = {
        {TODAY - 600, TODAY, 1, TODAY, TODAY - 501},
        {TODAY - 600, TODAY, 12, TODAY, TODAY - 501},
        {TODAY - 600, TODAY, 13, TODAY, TODAY - 542},       /* 12 of 13 count */
        {TODAY - 600, TODAY - 3, 1, TODAY, TODAY - 501},    /* nothing for three days */
        {TODAY - 600, TODAY - 30, 1, TODAY, TODAY - 519},   /* nor for a month */
        {TODAY - 600, TODAY, 1, TODAY + 3650, TODAY - 489}, /* the clock runs ten years ahead */
        {TODAY - 470, TODAY, 1, TODAY + 3650, -1},
        {TODAY - 480, TODAY, 1, TODAY, -1}, /* 492 days are shown */
        {TODAY - 489, TODAY, 1, TODAY, TODAY - 501},
        {TODAY - 600, TODAY + 3650, 1, TODAY, TODAY - 501}, /* what is of later says nothing */
        {TODAY, TODAY, 1, TODAY, -1},
        {0, 600, 1, 600, 99}, /* the first days there are */
        {0, 600, 1, RETENTION_SEEN_DAYS, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&seen, 0, sizeof(seen));
        see(rows[i].from, rows[i].to, rows[i].step);
        if (rows[i].today < RETENTION_SEEN_DAYS)
            assert_int_equal(over(rows[i].today, 500), rows[i].over);
        else
            assert_int_equal(retention_believed(&seen, rows[i].today * DAY, 500), 0);
    }
    assert_int_equal(retention_believed(&seen, -1, 500), 0);
    assert_int_equal(retention_believed(&seen, TODAY * DAY, 0), 0);
    retention_see(&seen, -1);
    retention_see(&seen, INT64_MAX);
}

/* An hour in 2034, some days in 2030, and right again: each leap gives twelve days, none more. */
static void a_clock_that_leaps_gains_twelve_days_each_time(void **state)
{
    (void)state;
    see(TODAY - 600, TODAY, 1);
    see(TODAY + 3000, TODAY + 3000, 1);
    assert_int_equal(over(TODAY + 3000, 500), TODAY - 489);
    see(TODAY + 1500, TODAY + 1510, 1);
    assert_int_equal(over(TODAY + 3000, 500), TODAY - 467);
    assert_int_equal(over(TODAY + 1, 500), TODAY - 500);
}

/* ---- what an archive shows */

static void look(void)
{
    struct err_text why = {{0}};
    memset(&seen, 0, sizeof(seen));
    if (retention_look(archive, NULL, &seen, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* `n` segments of two entries, `days` apart; times go on from where the archive ended. */
static void write_journal(struct late_archive *a, int n, int64_t days)
{
    a->begins_ms += (int64_t)a->last * (a->step_ms - days * DAY / 2);
    a->step_ms = days * DAY / 2;
    for (int i = 0; i < n; i++)
        late_archive_add(a, 2);
}

static void a_journal_shows_its_days(void **state)
{
    (void)state;
    struct late_archive a = {.dir = dir, .epoch = EPOCH, .begins_ms = TODAY * DAY};
    look();
    assert_int_equal(over(TODAY, 500), -1); /* an empty one shows nothing */
    write_journal(&a, 55, 10);
    look();
    assert_int_equal(over(TODAY + 550, 500), TODAY + 49);
    assert_int_equal(over(TODAY + 545, 500), TODAY + 44);
    assert_int_equal(over(TODAY + 480, 500), -1);
    write_journal(&a, 1, 3650); /* then the clock leaps by five years, and again */
    look();
    assert_int_equal(over(TODAY + 550 + 3650, 500), TODAY + 68);
}

/* What cannot be read shows nothing, its neighbours do. */
static void damaged_files_show_nothing(void **state)
{
    (void)state;
    char path[300];
    struct late_archive a = {.dir = dir, .epoch = EPOCH, .begins_ms = TODAY * DAY};
    write_journal(&a, 110, 5);
    look();
    int64_t all = over(TODAY + 550, 500);
    for (int first = 109; first <= 113; first += 2) { /* in the middle */
        (void)snprintf(path, sizeof(path), "%s/%020d-%020d.seg", journal, first, first + 1);
        assert_int_equal(truncate(path, 250), 0);
    }
    look();
    assert_int_equal(over(TODAY + 550, 500), all - 8); /* 20 days without a file, 12 count */
    (void)snprintf(path, sizeof(path), "%s/%020d-%020d.seg", journal, 1, 2);
    assert_int_equal(truncate(path, 0), 0);
    (void)snprintf(path, sizeof(path), "%s/%020d-%020d.seg", journal, 219, 220);
    assert_int_equal(truncate(path, 270), 0);
    look();
    assert_int_equal(over(TODAY + 550, 500), all - 8);
    assert_int_equal(drop_segments(journal, 1000), 110);
    look();
    assert_int_equal(over(TODAY + 550, 500), -1);
}

static void noise_of_any_epoch_shows_its_days(void **state)
{
    (void)state;
    noise_witness(archive, TODAY * DAY, 500);
    look();
    assert_int_equal(over(TODAY, 500), TODAY - 501);
    assert_int_equal(over(TODAY, 520), -1);
}

static void a_look_stops_when_it_shall(void **state)
{
    (void)state;
    atomic_bool stop;
    struct err_text why = {{0}};
    struct late_archive a = {.dir = dir, .epoch = EPOCH};
    atomic_init(&stop, true);
    late_archive_add(&a, 2);
    assert_int_equal(retention_look(archive, &stop, &seen, &why), ERR_AGAIN);
}

/* It shows nothing; what is beside it is seen. */
static void what_is_no_folder_of_noise_is_passed_over(void **state)
{
    char path[256];
    struct err_text why;
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/noise", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/noise/stray", dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(retention_look(archive, NULL, &seen, &why), ERR_OK);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(time_counts_where_something_was_written),
        CASE(a_clock_that_leaps_gains_twelve_days_each_time),
        CASE(a_journal_shows_its_days),
        CASE(damaged_files_show_nothing),
        CASE(noise_of_any_epoch_shows_its_days),
        CASE(a_look_stops_when_it_shall),
        CASE(what_is_no_folder_of_noise_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
