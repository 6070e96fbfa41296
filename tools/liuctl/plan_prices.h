/* What an hour of an audit costs, as data (rules/prices.csv): rows of party, tier and mode, the
 * first that fits decides. For quotes before the contract (R71); no official source states prices.
 */
#ifndef LIU_LIUCTL_PLAN_PRICES_H
#define LIU_LIUCTL_PLAN_PRICES_H

#include "liuctl/cli.h"
#include "liuctl/plan_doc.h"

#define PLAN_PRICES_MAX 64      /* rows */
#define PLAN_PRICE_MAX 10000000 /* yen an hour */

struct plan_price {
    unsigned party; /* 0 = any; these three as in the plan */
    unsigned tier;
    unsigned mode;
    uint64_t low; /* yen an hour */
    uint64_t high;
};

struct plan_prices {
    struct plan_price rows[PLAN_PRICES_MAX];
    size_t n; /* 0 = no price is known */
};

/* Takes --prices FILE or --price-per-hour LOW[..HIGH] out of the arguments. An exit status; faults
 * are told with their line. */
int plan_prices_take(struct cli *c, struct cli_args *a, struct plan_prices *out);

/* NULL: no row fits. */
const struct plan_price *plan_price_of(const struct plan_prices *p, unsigned party, unsigned tier,
                                       unsigned mode);

#endif
