/* The table of cold records on a real disk: a file that was cut off is told of instead of ending
 * the process, and one that is whole is never taken for such a one. */
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

#include "services/ledger/cold_file.h"
#include "store/records.h"
#include "support/folder.h"

#define PAGE 4096
#define RECORDS 400

static char dir[64];
static char path[96];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/liu-cold-file-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return 1;
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return test_folder_remove(dir);
}

static void put(struct cold_file *f, uint32_t kind, unsigned n, unsigned revision, size_t bytes)
{
    static const uint8_t value[3 * PAGE];
    struct err_text why;
    char id[16];
    (void)snprintf(id, sizeof id, "id-%u", n);
    struct cold_record r = {.kind = kind,
                            .id = id,
                            .id_bytes = strlen(id),
                            .revision = revision,
                            .seq = revision,
                            .value = value,
                            .bytes = bytes,
                            .drop_ms = revision};
    assert_int_equal(cold_put(f, &r, &why), ERR_OK);
}

static void write_table(void)
{
    struct err_text why;
    struct cold_file *f;
    assert_int_equal(cold_open(dir, false, &f, &why), ERR_OK);
    assert_int_equal(cold_begin(f, &why), ERR_OK);
    for (unsigned i = 0; i < RECORDS; i++)
        put(f, RECORD_CASE, i, 1, 300);
    assert_int_equal(cold_commit(f, &why), ERR_OK);
    cold_close(f);
}

/* With all pages; behind them the file has room. */
static off_t length(void)
{
    struct err_text why;
    struct cold_file *f;
    struct cold_state state;
    struct stat st;
    assert_int_equal(cold_open(dir, true, &f, &why), ERR_OK);
    assert_int_equal(cold_state(f, &state, &why), ERR_OK);
    cold_close(f);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > (off_t)state.file_bytes + (32 << 20));
    return (off_t)state.file_bytes;
}

static void a_table_that_was_cut_off_is_refused(void **state)
{
    (void)state;
    struct err_text why;
    struct cold_file *f;
    write_table();
    off_t whole = length();
    assert_true(whole > 8 * PAGE);
    for (off_t left = whole - 1; left > 0; left -= left > 4 * PAGE ? 3 * PAGE + 1 : PAGE / 2) {
        assert_int_equal(truncate(path, left), 0);
        for (int reading = 0; reading < 2; reading++) {
            assert_int_equal(cold_open(dir, reading == 1, &f, &why), ERR_DATA_LOSS);
            assert_non_null(strstr(why.text, dir));
        }
    }
}

/* Transactions that take pages and give them back, among them those at the end of the file. */
static void a_whole_table_is_opened_after_any_transaction(void **state)
{
    (void)state;
    struct err_text why;
    struct cold_file *f;
    struct cold_file *other;
    assert_int_equal(cold_open(dir, false, &f, &why), ERR_OK);
    for (unsigned step = 1; step < 60; step++) {
        assert_int_equal(cold_begin(f, &why), ERR_OK);
        for (unsigned i = 0; i < step; i++)
            put(f, RECORD_RECEIPT, i, step, step * 37 * (i % 3) % (3 * PAGE));
        assert_int_equal(cold_drop(f, step, step % 3 == 0 ? RECORDS : step / 2, &why), ERR_OK);
        assert_int_equal(cold_commit(f, &why), ERR_OK);
        assert_int_equal(cold_open(dir, true, &other, &why), ERR_OK);
        cold_close(other);
    }
    cold_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_table_that_was_cut_off_is_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_whole_table_is_opened_after_any_transaction, make_dir,
                                        remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
