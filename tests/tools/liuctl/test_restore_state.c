/* The file of a backup that holds what no entry carries: what cannot be read is never taken for its
 * end. */
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

#include "base/limits.h"
#include "liuctl/restore_cold.h"
#include "liuctl/restore_state.h"
#include "support/folder.h"

static char dir[64];
static char path[80];

static int make(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/liu-state-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/state", dir);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return test_folder_remove(dir);
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void the_least_place_of_a_consumer_is_found(void **state)
{
    (void)state;
    struct restore_survey s;
    struct err_text why = {""};
    put("");
    assert_int_equal(restore_state_survey(dir, &s, &why), ERR_OK);
    assert_true(s.cursor == UINT64_MAX);
    /* Cursor: consumer 1, seq 2; the ledger's does not count */
    put("lane\tf/urgent\t00\ncursor\taudit\t10"
        "07\ncursor\tintake\t1009\ncursor\tledger\t1001\n");
    assert_int_equal(restore_state_survey(dir, &s, &why), ERR_OK);
    assert_int_equal(s.cursor, 7);
    assert_int_equal(s.receipts + s.others, 0);
    assert_int_equal(s.bytes, 73);
    put("cursor\taudit\tnot hexadecimal\n");
    assert_int_not_equal(restore_state_survey(dir, &s, &why), ERR_OK);
}

/* An entry carries a receipt unless it is long. */
static void receipts_are_counted_by_themselves(void **state)
{
    (void)state;
    struct restore_survey s;
    struct err_text why = {""};
    char line[4 * LIMIT_REPLY_JOURNALED];
    memset(line, '0', sizeof line);
    line[sizeof line - 1] = '\0';
    memcpy(line, "receipt\tacme\tlong\t", sizeof "receipt\tacme\tlong\t" - 1);
    put(line);
    assert_int_equal(restore_state_survey(dir, &s, &why), ERR_OK);
    assert_int_equal(s.others, sizeof line - 1);
    put("receipt\tacme\tshort\t00\ntimer\tmonitor\t1\tm\n");
    assert_int_equal(restore_state_survey(dir, &s, &why), ERR_OK);
    assert_int_equal(s.receipts, sizeof "receipt\tacme\tshort\t00\n" - 1);
    assert_int_equal(s.bytes, sizeof "timer\tmonitor\t1\tm\n" - 1);
}

static void what_cannot_be_read_is_no_end(void **state)
{
    (void)state;
    struct restore_survey s;
    struct err_text why = {""};
    assert_int_equal(restore_state_survey(dir, &s, &why), ERR_IO);
    assert_int_equal(mkdir(path, 0700), 0); /* is opened, and cannot be read */
    assert_int_equal(restore_state_survey(dir, &s, &why), ERR_IO);
    assert_non_null(strstr(why.text, path));
}

/* 0 = without a limit. */
static void the_filter_of_records_has_a_size_whatever_the_memory(void **state)
{
    static const struct {
        uint64_t n;
        uint64_t max_bytes;
        uint64_t least;
        uint64_t most;
    } rows[] = {
        {0, 0, 1024, 8 << 20},
        {1, 0, 1024, 8 << 20},
        {1, 1, 1024, 2048},
        {1000, 64 << 20, 4000, 4 << 20},
        {1000000, 0, 4000000, 8 << 20},
        {UINT32_MAX, 1 << 20, 512 << 20, 512 << 20},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_in_range(restore_cold_filter(rows[i].n, rows[i].max_bytes), rows[i].least,
                        rows[i].most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_least_place_of_a_consumer_is_found, make, clean),
        cmocka_unit_test_setup_teardown(receipts_are_counted_by_themselves, make, clean),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_no_end, make, clean),
        cmocka_unit_test(the_filter_of_records_has_a_size_whatever_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
