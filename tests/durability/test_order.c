/* The claim everything rests on: an acknowledgement leaves Redis only after the sync of its
 * transaction. Seen from inside redis-server, and the judge itself is proven on servers that break
 * the rule.
 */
#include <stdio.h>

#include "durability/power.h"

static void every_acknowledgement_is_sent_after_the_sync_of_its_transaction(void **state)
{
    struct power *p = *state;
    power_run(p, POWER_COMMITS);
    struct power_order o = power_order(p);
    assert_int_equal(o.acknowledged, POWER_COMMITS);
    assert_int_equal(o.early, 0);
    assert_true(o.syncs > 0);
    print_message("%zu acknowledgements, %zu syncs, 0 early\n", o.acknowledged, o.syncs);
}

static void judge_sees_early_acknowledgements(struct power *p, const char *policy)
{
    redisContext *r = test_redis_connect(&p->client.redis);
    assert_non_null(r);
    redisReply *reply = redisCommand(r, "CONFIG SET appendfsync %s", policy);
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    redisFree(r);
    power_run_while_ready(p,
                          POWER_COMMITS / 3); /* the store finds such a server out after a while */
    struct power_order o = power_order(p);
    assert_true(o.early > 0);
    print_message("appendfsync %s: %zu of %zu early\n", policy, o.early, o.acknowledged);
}

static void the_judge_sees_a_server_that_syncs_every_second(void **state)
{
    judge_sees_early_acknowledgements(*state, "everysec");
}

static void the_judge_sees_a_server_that_never_syncs(void **state)
{
    judge_sees_early_acknowledgements(*state, "no");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, power_start, power_stop)
    const struct CMUnitTest tests[] = {
        T(every_acknowledgement_is_sent_after_the_sync_of_its_transaction),
        T(the_judge_sees_a_server_that_syncs_every_second),
        T(the_judge_sees_a_server_that_never_syncs),
    };
    return cmocka_run_group_tests_name("durability_order", tests, NULL, NULL);
}
