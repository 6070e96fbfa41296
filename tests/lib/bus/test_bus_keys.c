/* Key files: what is read, what is refused, what is written. */
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

#include "bus/keys.h"

/* The pair of the client in the example of zmq_curve(7), and the public key of its server. */
#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define OTHER "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static char dir[] = "/tmp/liu-keys-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/key", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void put(const char *text, size_t bytes, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

struct file_case {
    const char *text;
    mode_t mode;
    enum err keys, public;
};

static void files_are_read_strictly(void **state)
{
    (void)state;
    static const struct file_case cases[] = {
        {"curve_public " PUBLIC "\ncurve_secret " SECRET "\n", 0600, ERR_OK, ERR_AUTH},
        {"# a comment\n\ncurve_secret " SECRET "\ncurve_public " PUBLIC, 0400, ERR_OK, ERR_AUTH},
        {"curve_public " PUBLIC "\ncurve_secret " SECRET "\n", 0640, ERR_AUTH, ERR_AUTH},
        {"curve_public " PUBLIC "\ncurve_secret " SECRET "\n", 0604, ERR_AUTH, ERR_AUTH},
        {"curve_public " PUBLIC "\n", 0600, ERR_CONFIG, ERR_OK},
        {"curve_public " PUBLIC "\n", 0644, ERR_AUTH, ERR_OK},
        {"curve_public " PUBLIC "\n", 0646, ERR_AUTH, ERR_AUTH},
        {"curve_secret " SECRET "\n", 0600, ERR_CONFIG, ERR_CONFIG},
        {"curve_public " OTHER "\ncurve_secret " SECRET "\n", 0600, ERR_CONFIG, ERR_AUTH},
        {"curve_public " PUBLIC "\ncurve_public " PUBLIC "\n", 0600, ERR_CONFIG, ERR_CONFIG},
        {"curve_public " PUBLIC " \n", 0600, ERR_CONFIG, ERR_CONFIG},
        {"curve_public " PUBLIC "\r\n", 0600, ERR_CONFIG, ERR_CONFIG},
        {" curve_public " PUBLIC "\n", 0600, ERR_CONFIG, ERR_CONFIG},
        {"curve_public \"ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\n", 0600, ERR_CONFIG, ERR_CONFIG},
        {"curve_public ##########\n", 0600, ERR_CONFIG, ERR_CONFIG},
        {"curve_public ########################################\n", 0600, ERR_CONFIG, ERR_CONFIG},
        {"curve_private " SECRET "\n", 0600, ERR_CONFIG, ERR_CONFIG},
        {"", 0600, ERR_CONFIG, ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct curve_keys k;
        char public[CURVE_Z85_BYTES];
        struct err_text why = {.text = ""};
        print_message("case %zu\n", i);
        put(cases[i].text, strlen(cases[i].text), cases[i].mode);
        assert_int_equal(curve_keys_load(path, &k, &why), cases[i].keys);
        assert_string_equal(k.public_z85, cases[i].keys == ERR_OK ? PUBLIC : "");
        assert_string_equal(k.secret_z85, cases[i].keys == ERR_OK ? SECRET : "");
        assert_int_equal(cases[i].keys == ERR_OK, why.text[0] == '\0');
        assert_null(strstr(why.text, SECRET));
        assert_int_equal(curve_public_load(path, public, &why), cases[i].public);
        assert_string_equal(public, cases[i].public == ERR_OK ? PUBLIC : "");
    }
    (void)unlink(path);
}

static void odd_files_are_refused(void **state)
{
    (void)state;
    struct curve_keys k;
    struct err_text why;
    static char big[8192];
    memset(big, '\n', sizeof(big));
    assert_int_equal(curve_keys_load(path, &k, &why), ERR_NOT_FOUND);
    assert_int_equal(curve_keys_load(dir, &k, &why), ERR_CONFIG);
    put(big, sizeof(big), 0600);
    assert_int_equal(curve_keys_load(path, &k, &why), ERR_LIMIT);
    put("curve_public " PUBLIC "\0x\n", sizeof("curve_public " PUBLIC) + 2, 0600);
    assert_int_equal(curve_keys_load(path, &k, NULL), ERR_CONFIG);
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not block either */
    assert_int_equal(curve_keys_load(path, &k, &why), ERR_CONFIG);
    (void)unlink(path);
}

static void a_saved_pair_is_private_and_reads_back(void **state)
{
    (void)state;
    struct curve_keys k, back;
    struct err_text why = {.text = ""};
    struct stat st;
    char public[CURVE_Z85_BYTES];
    assert_int_equal(curve_keys_generate(&k), ERR_OK);
    assert_int_equal(curve_keys_save(&k, path, &why), ERR_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(curve_keys_load(path, &back, &why), ERR_OK);
    assert_string_equal(back.public_z85, k.public_z85);
    assert_string_equal(back.secret_z85, k.secret_z85);
    assert_int_equal(curve_keys_save(&k, path, &why), ERR_EXISTS);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(curve_public_save(k.public_z85, path, &why), ERR_OK);
    assert_int_equal(curve_public_load(path, public, &why), ERR_OK);
    assert_string_equal(public, k.public_z85);
    assert_int_equal(unlink(path), 0);
}

static void what_is_no_key_is_not_saved(void **state)
{
    (void)state;
    struct curve_keys none = {.public_z85 = ""};
    struct err_text why;
    assert_int_equal(curve_keys_save(&none, path, &why), ERR_INVAL);
    assert_int_equal(curve_public_save("short", path, &why), ERR_INVAL);
    assert_int_equal(curve_public_save(PUBLIC, "/nonexistent/dir/key", &why), ERR_IO);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void wiping_leaves_nothing(void **state)
{
    (void)state;
    struct curve_keys k, zero;
    memset(&zero, 0, sizeof(zero));
    assert_int_equal(curve_keys_generate(&k), ERR_OK);
    curve_keys_wipe(&k);
    assert_memory_equal(&k, &zero, sizeof(k));
    curve_keys_wipe(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_strictly),
        cmocka_unit_test(odd_files_are_refused),
        cmocka_unit_test(a_saved_pair_is_private_and_reads_back),
        cmocka_unit_test(what_is_no_key_is_not_saved),
        cmocka_unit_test(wiping_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
