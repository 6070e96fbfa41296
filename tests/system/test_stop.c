/* How the programs start and stop: wrong configuration and keys are refused with file, line, field
 * and reason under exit status 2; SIGTERM drains and ends with 0. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "rig.h"

static struct rig rig;

static int up(void **state)
{
    (void)state;
    if (rig_up(&rig, STACK_BIT(STACK_INTAKE) | STACK_BIT(STACK_MONITOR), NULL) != 0)
        return -1;
    (void)rig_party(&rig, "acme");
    return 0;
}

static int down(void **state)
{
    (void)state;
    return rig_down(&rig);
}

static void sigterm_answers_who_waits_and_ends(void **state)
{
    (void)state;
    static const enum stack_service all[] = {STACK_INTAKE, STACK_MONITOR};
    for (size_t i = 0; i < 2; i++) {
        struct client c, idle;
        Ismap__Liu__V1__FetchEvents ask = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
        Ismap__Liu__V1__GetHealth health = ISMAP__LIU__V1__GET_HEALTH__INIT;
        const uint8_t *data;
        size_t bytes;
        ask.after_seq = (uint64_t)stack_metric(&rig.stack, all[i], "liu_journal_seq");
        ask.wait_ms = 30000;
        client_open(&c, &rig.stack, all[i], rig_who(&rig, "acme"));
        client_open(&idle, &rig.stack, all[i], rig_who(&rig, "acme"));
        assert_status(client_call(&idle, &health.base), ST(OK));
        client_envelope(&c, &ask.base, NULL, &data, &bytes);
        client_send(&c, data, bytes);
        assert_null(client_receive(&c, 200));
        while (stack_metric(&rig.stack, all[i], "liu_event_waiters") < 1)
            (void)usleep(10000);
        int64_t began = clock_mono_ms();
        assert_int_equal(kill(rig.stack.pids[all[i]], SIGTERM), 0);
        assert_status(client_receive(&c, CLIENT_WAIT_MS), ST(OK)); /* empty, but answered */
        assert_int_equal(stack_wait_end(&rig.stack, all[i], STACK_STOP_MS), 0);
        assert_true(clock_mono_ms() - began < 5000 + 3000);
        client_close(&c);
        client_close(&idle);
        assert_true(stack_start(&rig.stack, STACK_BIT(all[i])));
    }
}

/* Redis hangs, so a request stays open: the drain is cut, and nothing leaks or crashes. */
static void drain_is_cut_when_the_store_hangs(void **state)
{
    (void)state;
    struct client c;
    const uint8_t *data;
    size_t bytes;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    for (int i = 0; i < 5; i++) {
        test_redis_pause(&rig.stack.redis);
        client_envelope(&c, &rig_application(&rig, "tb1", NULL)->base, NULL, &data, &bytes);
        client_send(&c, data, bytes);
    }
    (void)usleep(200000);
    int64_t began = clock_mono_ms();
    assert_int_equal(stack_stop(&rig.stack, STACK_INTAKE), 0);
    assert_true(clock_mono_ms() - began < 5000 + 3000);
    test_redis_resume(&rig.stack.redis);
    client_close(&c);
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_INTAKE)));
}

static void a_second_sigterm_ends_at_once(void **state)
{
    (void)state;
    struct client c;
    const uint8_t *data;
    size_t bytes;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    test_redis_pause(&rig.stack.redis);
    client_envelope(&c, &rig_application(&rig, "tb1", NULL)->base, NULL, &data, &bytes);
    client_send(&c, data, bytes);
    (void)usleep(200000);
    int64_t began = clock_mono_ms();
    assert_int_equal(kill(rig.stack.pids[STACK_INTAKE], SIGTERM), 0);
    for (int i = 0; i < 100 && !stack_logged(&rig.stack, STACK_INTAKE, "signal-stop"); i++)
        (void)usleep(10000);
    (void)usleep(100000);
    assert_int_equal(kill(rig.stack.pids[STACK_INTAKE], SIGTERM), 0);
    (void)stack_wait_end(&rig.stack, STACK_INTAKE, STACK_STOP_MS);
    assert_true(clock_mono_ms() - began < 1400); /* before a command's time-out or the drain's */
    test_redis_resume(&rig.stack.redis);
    client_close(&c);
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_INTAKE)));
}

/* ---- configuration */

static const char *programs[] = {"liu-intake", "liu-eligibility", "liu-audit", "liu-monitor",
                                 "liu-ledger"};

static void version_and_example_are_printed(void **state)
{
    (void)state;
    static char out[65536];
    for (size_t i = 0; i < 5; i++) {
        const char *const version[] = {"--version", NULL};
        const char *const print[] = {"--print-config", NULL};
        const char *const unknown[] = {"--no-such-option", NULL};
        const char *const nothing[] = {NULL};
        assert_int_equal(stack_run(programs[i], version, out, sizeof out), 0);
        assert_non_null(strstr(out, programs[i]));
        assert_non_null(strstr(out, LIU_VERSION));
        assert_int_equal(stack_run(programs[i], print, out, sizeof out), 0);
        assert_non_null(strstr(out, "redis_address"));
        assert_int_equal(stack_run(programs[i], unknown, out, sizeof out), 2);
        assert_int_equal(stack_run(programs[i], nothing, out, sizeof out), 2);
    }
}

static void configurations_of_this_stack_are_valid(void **state)
{
    (void)state;
    static char out[65536];
    for (size_t i = 0; i < 5; i++) {
        char file[48];
        (void)snprintf(file, sizeof file, "%s.yaml", stack_name((enum stack_service)i));
        const char *const argv[] = {"--check-config", "-c", stack_path(&rig.stack, file), NULL};
        assert_int_equal(stack_run(programs[i], argv, out, sizeof out), 0);
    }
}

/* What the program says about this text, and how it ends. */
static void is_refused(const char *text, const char *place, const char *field)
{
    char out[8192];
    char want[256];
    const char *path = stack_path(&rig.stack, "wrong.yaml");
    assert_true(stack_write_file(path, text, 0600));
    (void)snprintf(want, sizeof want, "%s%s", path, place);
    const char *const argv[] = {"--check-config", "-c", path, NULL};
    int status = stack_run("liu-intake", argv, out, sizeof out);
    if (status != 2 || strstr(out, want) == NULL || strstr(out, field) == NULL)
        print_error("status %d, said: %s\nexpected %s ... %s\n", status, out, want, field);
    assert_int_equal(status, 2);
    assert_non_null(strstr(out, want));
    assert_non_null(strstr(out, field));
}

#define GOOD "redis_address: unix:/tmp/none.sock\ncurve_key_file: /tmp/none.curve\n"

static void wrong_configuration_names_file_line_and_field(void **state)
{
    (void)state;
    is_refused(GOOD "no_such_setting: 1\n", ":3: ", "no_such_setting");
    is_refused(GOOD "redis_timeout_ms: soon\n", ":3: ", "redis_timeout_ms");
    is_refused(GOOD "redis_timeout_ms: 1\n", ":3: ", "redis_timeout_ms");
    is_refused(GOOD "drain_ms: 99999999\n", ":3: ", "drain_ms");
    is_refused(GOOD "drain_ms: [1, 2]\n", ":3: ", "drain_ms");
    is_refused(GOOD "drain_ms: 10\ndrain_ms: 10\n", ":4: ", "drain_ms");
    is_refused("redis_address: unix:/tmp/none.sock\n", "", "curve_key_file");
    is_refused(GOOD "log_level: chatty\n", "", "log_level");
    is_refused(GOOD "  broken: [\n", ":", "");
    is_refused("- a list\n", ":", "");
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    char out[8192];
    const char *const argv[] = {"-c", "/tmp/no-such-liu.yaml", NULL};
    assert_int_equal(stack_run("liu-intake", argv, out, sizeof out), 2);
    assert_non_null(strstr(out, "/tmp/no-such-liu.yaml"));
}

static void key_fault(const char *setting, const char *path)
{
    char out[8192];
    char text[1024];
    bool curve = strcmp(setting, "curve_key_file") == 0;
    (void)snprintf(text, sizeof text,
                   "endpoint: tcp://127.0.0.1:*\nhttp_address: 127.0.0.1:0\nredis_address: "
                   "unix:/tmp/none.sock\n%s: %s\n%s: %s\n",
                   setting, path, curve ? "signing_key_file" : "curve_key_file",
                   curve ? stack_path(&rig.stack, "scheme.sign")
                         : stack_path(&rig.stack, "intake.curve"));
    const char *config = stack_path(&rig.stack, "keys.yaml");
    assert_true(stack_write_file(config, text, 0600));
    const char *const argv[] = {"-c", config, NULL};
    int status = stack_run("liu-intake", argv, out, sizeof out);
    if (status != 2 || strstr(out, path) == NULL)
        print_error("status %d, said: %s\n", status, out);
    assert_int_equal(status, 2);
    assert_non_null(strstr(out, path));
}

static void keys_must_be_there_whole_and_private(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/none.curve", rig.stack.dir);
    key_fault("curve_key_file", path);
    (void)snprintf(path, sizeof path, "%s/none.sign", rig.stack.dir);
    key_fault("signing_key_file", path);
    (void)snprintf(path, sizeof path, "%s/monitor.curve", rig.stack.dir);
    assert_int_equal(chmod(path, 0644), 0);
    key_fault("curve_key_file", path);
    assert_int_equal(chmod(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/operator.sign", rig.stack.dir);
    assert_int_equal(chmod(path, 0640), 0);
    key_fault("signing_key_file", path);
    assert_int_equal(chmod(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/half.curve", rig.stack.dir);
    assert_true(stack_write_file(path, "curve_public abc\n", 0600));
    key_fault("curve_key_file", path);
}

/* Catalogue and rulebook come in by genesis. */
static void wrong_rules_are_refused_before_genesis(void **state)
{
    (void)state;
    static const struct {
        const char *option;
        const char *text;
        const char *said;
    } rows[] = {
        {"--rulebook", "name: x\nno_such: 1\n", "wrong.rules"},
        {"--rulebook", "name: [\n", "wrong.rules"},
        {"--targets", "version: none\n", "wrong.rules"},
        {"--catalogue", "not,a,catalogue\n", "wrong.rules"},
    };
    const char *path = stack_path(&rig.stack, "wrong.rules");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[8192];
        char file[128], config[128], keys[128], said[160];
        (void)snprintf(file, sizeof file, "%s", path);
        (void)snprintf(config, sizeof config, "%s/liuctl.yaml", rig.stack.dir);
        (void)snprintf(keys, sizeof keys, "%s/operator.json", rig.stack.dir);
        (void)snprintf(said, sizeof said, "%s:", file);
        assert_true(stack_write_file(file, rows[i].text, 0600));
        const char *argv[] = {
            "--config",    config,
            "store",       "init",
            "--operator",  keys,
            "--rulebook",  LIU_SOURCE_DIR "/rules/regime-a.yaml",
            "--targets",   LIU_SOURCE_DIR "/rules/targets.yaml",
            "--catalogue", LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv",
            NULL};
        for (size_t k = 0; argv[k] != NULL; k++)
            if (strcmp(argv[k], rows[i].option) == 0)
                argv[k + 1] = file;
        int status = stack_run("liuctl", argv, out, sizeof out);
        if (status != 3 || strstr(out, said) == NULL)
            print_error("%s: status %d, said: %s\n", rows[i].option, status, out);
        assert_int_equal(status, 3);
        assert_non_null(strstr(out, said));
    }
}

static void await_logged(const char *word)
{
    for (int i = 0; i < 200 && !stack_logged(&rig.stack, STACK_INTAKE, word); i++)
        (void)usleep(20000);
    if (!stack_logged(&rig.stack, STACK_INTAKE, word))
        fail_msg("not logged: %s", word);
}

/* Adds lines to the service's file, and sends SIGHUP. */
static void reload(const char *lines)
{
    static char text[8192];
    const char *path = stack_path(&rig.stack, "intake.yaml");
    static size_t plain; /* bytes of the file as it was */
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1024, f);
    assert_int_equal(fclose(f), 0);
    plain = plain == 0 ? n : plain;
    (void)snprintf(text + plain, sizeof text - plain, "%s", lines);
    assert_true(stack_write_file(path, text, 0600));
    assert_int_equal(kill(rig.stack.pids[STACK_INTAKE], SIGHUP), 0);
}

static void sighup_takes_over_what_can_be_and_tells_the_rest(void **state)
{
    (void)state;
    struct client c;
    if (rig.stack.pids[STACK_INTAKE] == 0)
        assert_true(stack_start(&rig.stack, STACK_BIT(STACK_INTAKE)));
    reload("drain_ms: 1234\npartition: p9\n");
    await_logged("\"setting-changed\"");
    await_logged("1234");
    await_logged("\"setting-needs-restart\"");
    reload("drain_ms: many\n");
    await_logged("\"reload-refused\"");
    await_logged("drain_ms: ");
    reload("");
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    assert_status(client_call(&c, &rig_application(&rig, "tb1", NULL)->base), ST(OK));
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigterm_answers_who_waits_and_ends),
        cmocka_unit_test(drain_is_cut_when_the_store_hangs),
        cmocka_unit_test(a_second_sigterm_ends_at_once),
        cmocka_unit_test(sighup_takes_over_what_can_be_and_tells_the_rest),
        cmocka_unit_test(version_and_example_are_printed),
        cmocka_unit_test(configurations_of_this_stack_are_valid),
        cmocka_unit_test(wrong_configuration_names_file_line_and_field),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(keys_must_be_there_whole_and_private),
        cmocka_unit_test(wrong_rules_are_refused_before_genesis),
    };
    return cmocka_run_group_tests(tests, up, down);
}
