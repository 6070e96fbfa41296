# What the measurements share: a private stack with room, the parties that load it. Sourced, not run; `dir` is the stack's.
# shellcheck shell=bash disable=SC2034
. scripts/lib.sh

bench_built() {
    [ -x "$LIU_BIN/liu-drive" ] || die "build first: cmake --preset release && cmake --build --preset release"
}

# bench_leave STATUS MADE: what a measurement made itself goes when all went well; a failed one leaves its logs
bench_leave() { [ "$1" -ne 0 ] || [ -z "$2" ] || rm -rf "$2"; }

# bench_rules FILE: the shipped rulebook without its brake, which is not what is measured
bench_rules() { sed 's/brake_suspensions: [0-9]*/brake_suspensions: 100000/' rules/regime-a.yaml >"$1"; }

# bench_memory SIZE: what Redis may take, now and after a restart
bench_memory() {
    sed -i "s/^maxmemory .*/maxmemory $1/" "$dir/redis/redis.conf"
    stack_redis_cli "$dir" config set maxmemory "$1" >/dev/null
}

# bench_tools: L and D, the operator's tool and the load generator for this stack
bench_tools() { L="$LIU_BIN/liuctl --config $dir/liuctl.yaml --quiet" D="$LIU_BIN/liu-drive --config $dir/liuctl.yaml"; }

# bench_party ID ROLE [MORE]: MORE is JSON behind a comma
bench_party() {
    stack_keygen "$dir" "$1"
    printf '{"id":"%s","role":"%s","nameJa":"%s","nameEn":"%s"%s}\n' "$1" "$2" "$1" "$1" "${3:-}" >"$dir/$1.json"
    $L party add "$dir/$1.json" --keys "$dir/keys/$1.json" >/dev/null
}

bench_provider() { bench_party "$1" ROLE_PROVIDER ',"gbizId":"1234567890123"'; }

# bench_feed ID: may speak for every service and act alone
bench_feed() {
    stack_keygen "$dir" "$1"
    printf '{"id":"%s","nameJa":"%s","nameEn":"%s","operatorBody":"%s","speaksFor":["*"],"actsAloneUpTo":"SEVERITY_CRITICAL","urgentPerMinute":60000}\n' \
        "$1" "$1" "$1" "$1" >"$dir/$1.json"
    $L feed add "$dir/$1.json" --keys "$dir/keys/$1.json" >/dev/null
}

# bench_cast: whom a registration takes, and a feed
bench_cast() {
    bench_provider load1
    bench_party moj ROLE_MINISTRY
    bench_party auditor ROLE_AUDIT_BODY ',"validUntil":"2030-03-31"'
    bench_feed csirt
}

# bench_register COUNT [MORE...]: so many services through the whole path, their numbers in $dir/numbers
bench_register() {
    local count=$1
    shift
    $D prepare --numbers "$dir/numbers" --provider load1 --ministry moj --auditor auditor --operator operator --count "$count" "$@"
}

# bench_rest SECONDS: waits until the journal has not grown for a second, everyone has acted on it and the ledger has archived it
bench_rest() {
    wait_until "$1" bench_rested || die "the services do not come to rest"
}
bench_rested() {
    local before
    before=$(stack_redis_cli "$dir" get '{p0}:head')
    sleep 1
    [ "$before" = "$(stack_redis_cli "$dir" get '{p0}:head')" ] &&
        $L --json status | jq -se '[.[] | select(.headSeq and .consumedSeq and .consumedSeq != "0")] | all(.headSeq == .consumedSeq)' >/dev/null
}
