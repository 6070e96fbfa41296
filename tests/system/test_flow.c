/* A service's whole life over all five services, each of them killed with SIGKILL on the way: the
 * outcome is the same, and each event takes effect exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "rig.h"

#define NAME(x) "ismap.liu.v1." x
#define EFFECTIVE(x) ISMAP__LIU__V1__EFFECTIVE_STATE__EFFECTIVE_STATE_##x
#define GRAVE ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_GRAVE
#define VERDICT(x) ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_##x

static struct rig rig;

static int up(void **state)
{
    (void)state;
    static const char *const ids[] = {"acme", "blossom", "mof", "moj", "minato-audit", "reader"};
    if (rig_up(&rig, STACK_ALL, NULL) != 0)
        return -1;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        (void)rig_party(&rig, ids[i]);
    (void)rig_feed(&rig, "jp-csirt");
    return 0;
}

static int down(void **state)
{
    (void)state;
    return rig_down(&rig);
}

static void crash(enum stack_service svc)
{
    stack_kill(&rig.stack, svc);
    assert_true(stack_start(&rig.stack, STACK_BIT(svc)));
}

/* Killed without waiting: what follows meets it in whatever state it is. */
static void crash_now(enum stack_service svc)
{
    stack_kill(&rig.stack, svc);
    assert_true(stack_spawn(&rig.stack, svc));
}

static size_t events_of(const char *who, const char *type, const char *needle)
{
    struct client c;
    size_t n = 0;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, who));
    for (uint64_t after = 0;;) {
        const Ismap__Liu__V1__Events *ev = client_fetch(&c, after, 0, type);
        for (size_t i = 0; i < ev->n_events; i++)
            n += memmem(ev->events[i]->payload.data, ev->events[i]->payload.len, needle,
                        strlen(needle)) != NULL;
        if (ev->next_seq >= ev->head_seq || ev->next_seq == after)
            break;
        after = ev->next_seq;
    }
    client_close(&c);
    return n;
}

static bool names(const void *data, size_t bytes, const char *needle)
{
    return memmem(data, bytes, needle, strlen(needle)) != NULL;
}

/* Neither as actor nor anywhere in the payload. */
static void nobody_learns_the_feed(const char *who)
{
    struct client c;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, who));
    const Ismap__Liu__V1__Events *ev = client_fetch(&c, 0, 0, NAME("SuspensionImposed"));
    assert_true(ev->n_events > 0);
    for (size_t i = 0; i < ev->n_events; i++) {
        assert_false(names(ev->events[i]->actor, strlen(ev->events[i]->actor), "jp-csirt"));
        assert_false(names(ev->events[i]->payload.data, ev->events[i]->payload.len, "jp-csirt"));
    }
    client_close(&c);
}

static uint64_t head(void)
{
    return (uint64_t)stack_metric(&rig.stack, STACK_INTAKE, "liu_journal_seq");
}

/* Until it is heard; the same bytes each time. */
static const Ismap__Liu__V1__AlertsTaken *push(struct client *feed,
                                               const Ismap__Liu__V1__PushAlerts *m)
{
    for (int i = 0; i < 100; i++, (void)usleep(100000)) {
        pb_reply *r = client_call(feed, &m->base);
        if (r->status == ST(UNAVAILABLE))
            continue;
        assert_status(r, ST(OK));
        const Ismap__Liu__V1__AlertsTaken *t =
            client_payload(feed, r, &ismap__liu__v1__alerts_taken__descriptor);
        assert_true(t->taken == 0 || r->receipt != NULL);
        return t;
    }
    fail_msg("the feed is not heard");
    return NULL;
}

static void lift(const char *number)
{
    struct client c;
    Ismap__Liu__V1__LiftSuspension m = ISMAP__LIU__V1__LIFT_SUSPENSION__INIT;
    m.number = (char *)(uintptr_t)number;
    m.reason = (char *)(uintptr_t) "原因を除去し、再監査で確認した";
    m.basis = (char *)(uintptr_t) "再監査報告書 2026-11";
    m.decided_on = (char *)(uintptr_t) "2026-11-20";
    client_open(&c, &rig.stack, STACK_MONITOR, &rig.stack.operator_);
    assert_status(client_persist(&c, &m.base, true), ST(OK));
    client_close(&c);
}

static void a_critical_alert_suspends_and_an_operator_lifts(void **state)
{
    (void)state;
    struct client feed;
    const char *id = rig_open_case(&rig, "acme", "tb2", "mof");
    rig_assess(&rig, id, "tb2-mof", "mof");
    rig_await_eligible(&rig, id, "acme");
    rig_await_plan(&rig, id, "acme");
    const char *number = rig_register(&rig, id, "tb2", "acme");
    rig_decide(&rig, number);
    rig_use(&rig, number, "moj");
    assert_int_equal(rig_state(&rig, number, "reader"), EFFECTIVE(REGISTERED));
    assert_true(rig_procurable(&rig, number, "moj"));

    /* at once: monitor may not have heard of the registration yet */
    client_open(&feed, &rig.stack, STACK_URGENT, rig_who(&rig, "jp-csirt"));
    const Ismap__Liu__V1__SubmitRegistration *sample = rig_message(
        &rig, &ismap__liu__v1__submit_registration__descriptor, "registrations/tb2.json");
    const Ismap__Liu__V1__PushAlerts *alert =
        rig_alert(&rig, 1, sample->identity->domains[0], GRAVE);
    const Ismap__Liu__V1__AlertsTaken *taken = push(&feed, alert);
    /* right after the receipt, on another service, without waiting for anything */
    assert_int_equal(rig_state(&rig, number, "reader"), EFFECTIVE(SUSPENDED));
    assert_false(rig_procurable(&rig, number, "moj"));
    assert_int_equal(taken->n_outcomes, 1);
    assert_int_equal(taken->outcomes[0]->verdict, VERDICT(SUSPENDED));
    assert_string_equal(taken->outcomes[0]->number, number);
    rig_tailed(&rig, STACK_INTAKE, head());
    for (int i = 0; i < 100 && events_of("moj", NAME("SuspensionImposed"), number) == 0; i++)
        (void)usleep(20000);
    assert_int_equal(events_of("moj", NAME("SuspensionImposed"), number), 1); /* uses it */
    assert_int_equal(events_of("mof", NAME("SuspensionImposed"), number), 1); /* assessed it */
    assert_int_equal(events_of("acme", NAME("SuspensionImposed"), number), 1);
    assert_int_equal(events_of("reader", NAME("SuspensionImposed"), number), 1); /* public */
    static const char *const told[] = {"reader", "moj", "mof", "acme"};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        nobody_learns_the_feed(told[i]);

    /* the same numbers again: skipped, not suspended twice */
    taken = push(&feed, alert);
    assert_int_equal(taken->taken, 0);
    assert_int_equal(taken->skipped, 1);
    assert_int_equal(taken->n_outcomes, 1); /* what was decided the first time */
    assert_string_equal(taken->outcomes[0]->number, number);
    client_close(&feed);
    assert_int_equal(events_of("acme", NAME("SuspensionImposed"), number), 1);
    lift(number);
    assert_int_equal(rig_state(&rig, number, "reader"), EFFECTIVE(REGISTERED));
    assert_true(rig_procurable(&rig, number, "moj"));
}

static void a_life_under_kill_9_has_the_same_outcome(void **state)
{
    (void)state;
    struct client feed;
    const char *id = rig_open_case(&rig, "blossom", "tb4", "moj");
    crash_now(STACK_ELIGIBILITY); /* with the case's event perhaps half done */
    crash_now(STACK_AUDIT);
    rig_assess(&rig, id, "tb4-moj", "moj");
    crash_now(STACK_ELIGIBILITY);
    crash(STACK_INTAKE);
    assert_true(stack_wait_ready(&rig.stack, STACK_ELIGIBILITY, STACK_READY_MS));
    assert_true(stack_wait_ready(&rig.stack, STACK_AUDIT, STACK_READY_MS));
    rig_await_eligible(&rig, id, "blossom");
    crash(STACK_AUDIT);
    rig_await_plan(&rig, id, "blossom");
    crash(STACK_LEDGER);
    const char *number = rig_register(&rig, id, "tb4", "blossom");
    crash(STACK_INTAKE);
    rig_decide(&rig, number);
    crash(STACK_MONITOR);
    rig_use(&rig, number, "mof");
    rig_tailed(&rig, STACK_MONITOR, head());
    const Ismap__Liu__V1__SubmitRegistration *sample = rig_message(
        &rig, &ismap__liu__v1__submit_registration__descriptor, "registrations/tb4.json");
    client_open(&feed, &rig.stack, STACK_URGENT, rig_who(&rig, "jp-csirt"));
    (void)push(&feed, rig_alert(&rig, 2, sample->identity->domains[0], GRAVE));
    client_close(&feed);
    crash(STACK_MONITOR);
    crash(STACK_INTAKE);
    assert_int_equal(rig_state(&rig, number, "reader"), EFFECTIVE(SUSPENDED));
    assert_false(rig_procurable(&rig, number, "mof"));

    assert_int_equal(events_of("operator", NAME("CaseSubmitted"), id), 1);
    assert_int_equal(events_of("operator", NAME("AssessmentRecorded"), id), 1);
    assert_int_equal(events_of("operator", NAME("PlanMade"), id), 1);
    assert_int_equal(events_of("operator", NAME("RegistrationApplied"), number), 1);
    assert_int_equal(events_of("operator", NAME("RegistrationDecided"), number), 1);
    assert_int_equal(events_of("mof", NAME("SuspensionImposed"), number), 1);
    assert_int_equal(events_of("operator", NAME("EventQuarantined"), ""), 0);
}

/* The journal after all that: what it tells is what is stored. */
static void the_journal_rebuilds_to_what_is_stored(void **state)
{
    (void)state;
    static char out[16384];
    const char *config = stack_path(&rig.stack, "liuctl.yaml");
    const char *const argv[] = {"--config", config, "journal", "rebuild", "--verify", NULL};
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "identity: operator\nkey_dir: %s\nscheme_instance: " STACK_INSTANCE
                   "\nredis_address: %s\narchive_dir: %s/archive\n",
                   rig.stack.dir, rig.stack.redis.address, rig.stack.dir);
    assert_true(stack_write_file(config, text, 0600));
    int status = stack_run("liuctl", argv, out, sizeof out);
    if (status != 0)
        print_error("%s\n", out);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_critical_alert_suspends_and_an_operator_lifts),
        cmocka_unit_test(a_life_under_kill_9_has_the_same_outcome),
        cmocka_unit_test(the_journal_rebuilds_to_what_is_stored),
    };
    return cmocka_run_group_tests(tests, up, down);
}
