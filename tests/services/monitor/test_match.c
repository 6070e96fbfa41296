/* Which listing an alert means: each way, their order, unclear cases, and the longest prefix
 * against a search by brute force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/monitor/core/match.h"

#define COUNT(x) (sizeof(x) / sizeof(x)[0])

static const struct sip_key secret = {0x0123456789abcdefu, 0xfedcba9876543210u};

static void put(struct match_index *ix, const char *number, const char *domain, const char *range,
                const char *product, const char *alias)
{
    struct match_listing l = {.number = number};
    l.domains = &domain;
    l.n_domains = domain != NULL;
    l.ranges = &range;
    l.n_ranges = range != NULL;
    l.product_ids = &product;
    l.n_product_ids = product != NULL;
    l.aliases = &alias;
    l.n_aliases = alias != NULL;
    size_t left_out;
    assert_int_equal(match_put(ix, &l, &left_out), ERR_OK);
    assert_int_equal(left_out, 0);
}

static int setup(void **state)
{
    struct match_index *ix;
    assert_int_equal(match_create(&secret, 1000, &ix), ERR_OK);
    put(ix, "L-1", "Example.JP.", "192.0.2.0/24", "cpe:2.3:a:one", "One Cloud");
    put(ix, "L-2", "api.example.jp", "192.0.2.128/25", "cpe:2.3:a:two", "ツー クラウド");
    put(ix, "L-3", "*.example.org", "2001:db8::/32", "cpe:2.3:a:three", "shared");
    put(ix, "L-4", "example.net", "2001:db8:4::/48", "cpe:2.3:a:four", "SHARED");
    put(ix, "L-5", "example.net", "203.0.113.7", NULL, NULL);
    *state = ix;
    return 0;
}

static int teardown(void **state)
{
    match_destroy(*state);
    return 0;
}

struct row {
    const char *fact;
    struct match_ref ref;
    enum match_how how;
    const char *number;
};

static const struct row table[] = {
    {"nothing stated matches nothing", {0}, MATCH_NOTHING, NULL},
    {"a number is exact", {.number = "L-2"}, MATCH_NUMBER, "L-2"},
    {"a longer number is another one", {.number = "L-22"}, MATCH_NOTHING, NULL},
    {"the number goes before the domain",
     {.number = "L-2", .domain = "example.jp"},
     MATCH_NUMBER,
     "L-2"},
    {"an unknown number leaves the domain",
     {.number = "X", .domain = "example.jp"},
     MATCH_DOMAIN,
     "L-1"},
    {"a domain matches itself, case and dot aside", {.domain = "eXample.jp."}, MATCH_DOMAIN, "L-1"},
    {"a subdomain matches", {.domain = "a.b.example.jp"}, MATCH_DOMAIN, "L-1"},
    {"the longest registered suffix wins", {.domain = "x.api.example.jp"}, MATCH_DOMAIN, "L-2"},
    {"suffixes count at label boundaries only", {.domain = "badexample.jp"}, MATCH_NOTHING, NULL},
    {"a parent does not match", {.domain = "jp"}, MATCH_NOTHING, NULL},
    {"a registered wildcard is its domain", {.domain = "www.example.org"}, MATCH_DOMAIN, "L-3"},
    {"two listings of one domain are unclear", {.domain = "example.net"}, MATCH_UNCLEAR, NULL},
    {"an unclear domain is not settled by a lesser way",
     {.domain = "example.net", .alias = "one cloud"},
     MATCH_UNCLEAR,
     NULL},
    {"an address falls into its range", {.address = "192.0.2.1"}, MATCH_ADDRESS, "L-1"},
    {"the longer prefix wins", {.address = "192.0.2.200"}, MATCH_ADDRESS, "L-2"},
    {"an address outside matches nothing", {.address = "192.0.3.1"}, MATCH_NOTHING, NULL},
    {"an address without length is one address", {.address = "203.0.113.7"}, MATCH_ADDRESS, "L-5"},
    {"and not its neighbour", {.address = "203.0.113.8"}, MATCH_NOTHING, NULL},
    {"IPv4 within IPv6 is IPv4", {.address = "::ffff:192.0.2.1"}, MATCH_ADDRESS, "L-1"},
    {"IPv6 falls into its range", {.address = "2001:db8:5::1"}, MATCH_ADDRESS, "L-3"},
    {"IPv6: the longer prefix wins", {.address = "2001:db8:4::1"}, MATCH_ADDRESS, "L-4"},
    {"what is no address matches nothing", {.address = "192.0.2"}, MATCH_NOTHING, NULL},
    {"products: case and blanks aside", {.product_id = " CPE:2.3:a:ONE "}, MATCH_PRODUCT, "L-1"},
    {"aliases: case and runs of blanks aside", {.alias = "one   cloud"}, MATCH_ALIAS, "L-1"},
    {"aliases: full width is half width", {.alias = "Ｏｎｅ　Ｃｌｏｕｄ"}, MATCH_ALIAS, "L-1"},
    {"aliases in Japanese", {.alias = "ツー　クラウド"}, MATCH_ALIAS, "L-2"},
    {"one alias of two listings is unclear", {.alias = "shared"}, MATCH_UNCLEAR, NULL},
};

static void each_reference_finds_its_listing(void **state)
{
    for (size_t i = 0; i < COUNT(table); i++) {
        struct match_found f = match_find(*state, &table[i].ref);
        bool same = f.how == table[i].how && (f.number == NULL) == (table[i].number == NULL) &&
                    (f.number == NULL || strcmp(f.number, table[i].number) == 0);
        if (!same)
            fail_msg("%s: how %d, %s", table[i].fact, (int)f.how,
                     f.number == NULL ? "-" : f.number);
    }
}

static void an_unclear_match_names_two_listings(void **state)
{
    struct match_found f = match_find(*state, &(struct match_ref){.domain = "example.net"});
    assert_non_null(f.first);
    assert_non_null(f.second);
    assert_string_not_equal(f.first, f.second);
}

static void removing_one_of_two_makes_it_clear(void **state)
{
    match_remove(*state, "L-4");
    struct match_found f = match_find(*state, &(struct match_ref){.domain = "example.net"});
    assert_int_equal(f.how, MATCH_DOMAIN);
    assert_string_equal(f.number, "L-5");
    f = match_find(*state, &(struct match_ref){.number = "L-4"});
    assert_int_equal(f.how, MATCH_NOTHING);
}

static void putting_again_replaces_what_was_known(void **state)
{
    put(*state, "L-1", "moved.example", NULL, NULL, NULL);
    assert_int_equal(match_find(*state, &(struct match_ref){.domain = "example.jp"}).how,
                     MATCH_NOTHING);
    assert_int_equal(match_find(*state, &(struct match_ref){.domain = "moved.example"}).how,
                     MATCH_DOMAIN);
    assert_int_equal(match_listings(*state), 5);
}

static void what_cannot_be_read_is_left_out_and_counted(void **state)
{
    const char *ranges[] = {"192.0.2.0/33", "no", "198.51.100.0/24", "::1/129", "1.2.3.4/"};
    struct match_listing l = {.number = "L-9", .ranges = ranges, .n_ranges = COUNT(ranges)};
    size_t left_out;
    assert_int_equal(match_put(*state, &l, &left_out), ERR_OK);
    assert_int_equal(left_out, 4);
    assert_int_equal(match_find(*state, &(struct match_ref){.address = "198.51.100.9"}).how,
                     MATCH_ADDRESS);
}

static void the_same_identity_twice_in_one_listing_stays_clear(void **state)
{
    const char *domains[] = {"twice.example", "TWICE.example.", "other.example", "twice.example"};
    struct match_listing l = {.number = "L-9", .domains = domains, .n_domains = COUNT(domains)};
    assert_int_equal(match_put(*state, &l, NULL), ERR_OK);
    struct match_found f = match_find(*state, &(struct match_ref){.domain = "www.twice.example"});
    assert_int_equal(f.how, MATCH_DOMAIN);
    match_remove(*state, "L-9");
    assert_int_equal(match_find(*state, &(struct match_ref){.domain = "twice.example"}).how,
                     MATCH_NOTHING);
}

static void one_listing_too_many_is_refused(void **state)
{
    struct match_index *ix;
    (void)state;
    assert_int_equal(match_create(&secret, 1, &ix), ERR_OK);
    struct match_listing l = {.number = "A"};
    assert_int_equal(match_put(ix, &l, NULL), ERR_OK);
    assert_int_equal(match_put(ix, &l, NULL), ERR_OK);
    l.number = "B";
    assert_int_equal(match_put(ix, &l, NULL), ERR_LIMIT);
    l.number = "";
    assert_int_equal(match_put(ix, &l, NULL), ERR_INVAL);
    match_destroy(ix);
}

/* ---- against brute force */

static uint32_t rng = 12345;

static uint32_t next_random(uint32_t below)
{
    rng = rng * 1664525u + 1013904223u;
    return (rng >> 8) % below;
}

struct range {
    uint8_t bytes[16];
    unsigned bits;
    bool six;
    bool live;
};

static bool in_range(const struct range *r, const uint8_t *address, bool six)
{
    if (!r->live || r->six != six)
        return false;
    for (unsigned i = 0; i < r->bits; i++)
        if (((r->bytes[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

/* Few distinct bits, so that ranges nest and collide. */
static void random_address(uint8_t out[16], bool six)
{
    memset(out, 0, 16);
    out[0] = six ? 0x20 : 10;
    for (size_t i = 1; i < (six ? 16u : 4u); i++)
        out[i] = (uint8_t)(next_random(2) * 0x80 + next_random(2));
}

static void text_of(char *out, size_t cap, const uint8_t *address, bool six, int bits)
{
    char text[64];
    assert_non_null(inet_ntop(six ? AF_INET6 : AF_INET, address, text, sizeof text));
    if (bits >= 0)
        (void)snprintf(out, cap, "%s/%d", text, bits);
    else
        (void)snprintf(out, cap, "%s", text);
}

static void the_longest_prefix_is_that_of_brute_force(void **state)
{
    enum { N = 300 };
    static struct range ranges[N];
    struct match_index *ix;
    (void)state;
    assert_int_equal(match_create(&secret, N, &ix), ERR_OK);
    for (int round = 0; round < 6000; round++) {
        char text[80];
        char number[16];
        uint32_t i = next_random(N);
        struct range *r = &ranges[i];
        (void)snprintf(number, sizeof number, "R-%u", (unsigned)i);
        if (r->live && next_random(3) == 0) {
            match_remove(ix, number);
            r->live = false;
        } else {
            r->live = true;
            r->six = next_random(2) == 0;
            r->bits = next_random(r->six ? 129 : 33);
            random_address(r->bytes, r->six);
            text_of(text, sizeof text, r->bytes, r->six, (int)r->bits);
            put(ix, number, NULL, text, NULL, NULL);
        }
        bool six = next_random(2) == 0;
        uint8_t address[16];
        random_address(address, six);
        int best = -1;
        unsigned n_best = 0;
        unsigned which = 0;
        for (unsigned k = 0; k < N; k++) {
            if (!in_range(&ranges[k], address, six) || (int)ranges[k].bits < best)
                continue;
            n_best = (int)ranges[k].bits == best ? n_best + 1 : 1;
            best = (int)ranges[k].bits;
            which = k;
        }
        text_of(text, sizeof text, address, six, -1);
        struct match_found f = match_find(ix, &(struct match_ref){.address = text});
        if (n_best == 0) {
            assert_int_equal(f.how, MATCH_NOTHING);
        } else if (n_best > 1) {
            assert_int_equal(f.how, MATCH_UNCLEAR);
        } else {
            assert_int_equal(f.how, MATCH_ADDRESS);
            (void)snprintf(number, sizeof number, "R-%u", which);
            assert_string_equal(f.number, number);
        }
    }
    match_destroy(ix);
}

static void many_listings_are_all_found_and_all_forgotten(void **state)
{
    enum { N = 20000 };
    struct match_index *ix;
    (void)state;
    assert_int_equal(match_create(&secret, N, &ix), ERR_OK);
    for (unsigned i = 0; i < N; i++) {
        char number[32], domain[48], alias[32];
        (void)snprintf(number, sizeof number, "LIU-%05u", i);
        (void)snprintf(domain, sizeof domain, "s%u.example.jp", i);
        (void)snprintf(alias, sizeof alias, "Service %u", i);
        put(ix, number, domain, NULL, NULL, alias);
    }
    assert_int_equal(match_keys(ix), 3 * N);
    for (unsigned i = 0; i < N; i++) {
        char number[32], domain[48];
        (void)snprintf(number, sizeof number, "LIU-%05u", i);
        (void)snprintf(domain, sizeof domain, "www.s%u.example.jp", i);
        struct match_found f = match_find(ix, &(struct match_ref){.domain = domain});
        assert_int_equal(f.how, MATCH_DOMAIN);
        assert_string_equal(f.number, number);
        match_remove(ix, number);
        assert_int_equal(match_find(ix, &(struct match_ref){.domain = domain}).how, MATCH_NOTHING);
    }
    assert_int_equal(match_keys(ix), 0);
    assert_int_equal(match_listings(ix), 0);
    match_destroy(ix);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(each_reference_finds_its_listing),
        FRESH(an_unclear_match_names_two_listings),
        FRESH(removing_one_of_two_makes_it_clear),
        FRESH(putting_again_replaces_what_was_known),
        FRESH(what_cannot_be_read_is_left_out_and_counted),
        FRESH(the_same_identity_twice_in_one_listing_stays_clear),
        cmocka_unit_test(one_listing_too_many_is_refused),
        cmocka_unit_test(the_longest_prefix_is_that_of_brute_force),
        cmocka_unit_test(many_listings_are_all_found_and_all_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
