# Step 2: three-year audit plans. To be sourced.
# shellcheck shell=bash disable=SC2154

eligible=(tb1 tb2 tb3 tb4 tb5 tb6 tb7 tb8 unlisted-car)

plan_there() { ctl plan show "${case_of[$1]}" >/dev/null 2>&1 && echo yes; }

# What a right plan must be, from the plan itself and the rulebook: prints "ok" or what is wrong.
plan_faults() {
    local important
    important=$(sed -n 's/.*{id: \([^,]*\), annual: false}.*/\1/p' rules/regime-a.yaml | jq -R . | jq -sc .)
    annual=$(sed -n 's/.*{id: \([^,]*\), annual: true}.*/\1/p' rules/regime-a.yaml | jq -R . | jq -sc .)
    ctl --json plan show "${case_of[$1]}" | jq -r --argjson rotating "$important" --argjson annual "$annual" '
        def externals(id): [.items[] | select(.controlId == id and .party == "AUDIT_PARTY_EXTERNAL") | .year] | unique;
        . as $plan
        | [ (if .years != 3 then "years" else empty end),
            (.loads[] | select(.governance + .management != 82) | "year \(.year): \(.governance + .management) items"),
            ($annual[] | . as $id | $plan | select(externals($id) != [1, 2, 3]) | "\($id) is not audited every year"),
            ($rotating[] | . as $id | $plan | select(externals($id) | length < 1) | "\($id) is not audited in three years"),
            (.loads[] | . as $l | $plan
             | [.items[] | select(.year == $l.year and .party == "AUDIT_PARTY_EXTERNAL")] | length
             | select(. != $l.externalItems) | "year \($l.year): load and items differ"),
            (.items | group_by([.controlId, .party, .year])[] | select(length > 1) | "\(.[0].controlId) twice")
          ] | if length == 0 then "ok" else join("; ") end'
}

step_plans() {
    local key
    chapter 2 "$(tr_ 'Three-year audit plans' '3年間の監査計画')"
    for key in "${eligible[@]}"; do
        soon yes plan_there "$key" >/dev/null
        check "$(service_of "$key"): $(tr_ '82 governance and management items each year, important controls rotate' '毎年82項目（ガバナンス・マネジメント）、重要な管理策は3年で一巡')" ok "$(plan_faults "$key")"
    done
    say "$(tr_ 'The load of a year:' '各年の負荷:')"
    ctl plan show "${case_of[tb1]}" | shown 120
    check "$(tr_ 'a case that is not eligible gets a plan' '該当性のない案件に計画がある')" no "$([ "$(plan_there paas)" = yes ] && echo yes || echo no)"
}
