# Step 1: pre-applications, assessments, verdicts. To be sourced.
# shellcheck shell=bash disable=SC2154

listed=(tb1:acme:soumu:attach tb2:acme:mof:send tb3:blossom:mlit:attach tb4:blossom:moj:send
    tb5:cirrus:soumu:attach tb6:cirrus:mlit:send tb7:denrai:moj:attach tb8:denrai:mof:send)

judge_listed() {
    local row key provider ministry how sheet code got
    for row in "${listed[@]}"; do
        IFS=: read -r key provider ministry how <<<"$row"
        code=TB-${key#tb}
        if [ "$how" = attach ]; then
            sheet=$(sign "$key" "$ministry") && submit "$key" "$provider" --attach "$sheet"
            how=$(tr_ "attached the sheet signed by $ministry" "$ministry が署名した評価シートを添付")
        else
            submit "$key" "$provider" && assess "$key" "$ministry"
            how=$(tr_ "$ministry sent its sheet" "$ministry が評価シートを送付")
        fi
        got=$(soon "DECIDED ELIGIBLE $code" verdict_of "$key")
        check "$code $(service_of "$key") ($provider; $how)" "DECIDED ELIGIBLE $code" "$got"
    done
}

judge_unlisted() {
    local key=unlisted-car
    submit $key acme --attach "$(sign $key mlit)"
    say "$(service_of $key): $(tr_ 'not on the list; mlit rates it low, soumu has been asked' '一覧にない業務。mlit は低位と評価、soumu に依頼済み')"
    check "$(tr_ 'one ministry is not enough: waits for' '1省庁では足りない。待ち先')" soumu "$(soon soumu waits_for $key)"
    assess $key soumu
    check "$(tr_ 'soumu rates it low too: waits for' 'soumu も低位と評価。待ち先')" operator "$(soon operator waits_for $key)"
    ctl --as operator verdict confirm "${case_of[$key]}" --list-addition examples/targets/tb9.json \
        --reason "$(tr_ 'both sheets hold; a paper book replaces the service' '両省庁の評価は妥当。紙の予約簿で代替できる')" >/dev/null
    check "$(tr_ 'the operator confirms that low is valid' '運用者が低位の妥当性を確認')" 'DECIDED ELIGIBLE' "$(soon 'DECIDED ELIGIBLE' verdict_of $key)"
    check "$(tr_ 'the target list grows to version' '対象業務一覧の版が進む')" 2 "$(ctl --json targets show | jq .version)"
    check "$(tr_ 'its newest entry' '追加された業務')" "TB-9 ${case_of[$key]}" \
        "$(ctl --json targets show | jq -r '.entries[-1] | .code + " " + .fromCase')"

    key=unlisted-loan
    submit $key blossom
    assess $key mlit
    assess $key mlit-kanto
    say "$(service_of $key): $(tr_ 'not on the list; mlit and a bureau of mlit rate it low' '一覧にない業務。mlit とその地方整備局が低位と評価')"
    check "$(tr_ 'a ministry and its bureau count once: waits for' '省庁とその部局は1と数える。待ち先')" moj "$(soon moj waits_for $key)"
    check "$(tr_ 'no verdict yet' '判断はまだない')" WAITING_MINISTRY "$(verdict_of $key)"
}

# not_eligible KEY PROVIDER MINISTRY RULE WHY
not_eligible() {
    local got status=0
    submit "$1" "$2" --attach "$(sign "$1" "$3")"
    got=$(soon 'DECIDED NOT_ELIGIBLE' verdict_of "$1" | cut -d' ' -f1,2)
    check "$(service_of "$1"): $5" 'DECIDED NOT_ELIGIBLE' "$got"
    got=$(ctl --json verdict show "${case_of[$1]}" |
        jq -r --arg rule "$4" '[.verdict.findings[] | select(.outcome == "OUTCOME_NOT_MET" and .evidenceEn != null) | .rule] | index($rule) != null')
    check "$(tr_ "rule $4 is named, with what would change it" "規則 $4 と、何があれば変わるかを示す")" true "$got"
    ctl verdict show "${case_of[$1]}" >/dev/null || status=$?
    check "$(tr_ "liuctl's exit status for a negative verdict" '否定の判断に対する liuctl の終了状態')" 1 "$status"
}

judge_reasons() {
    local key same=0 uncited=0 findings=0 n
    for key in "${!case_of[@]}"; do
        ctl verdict replay "${case_of[$key]}" >/dev/null && same=$((same + 1))
        n=$(ctl --json verdict show "${case_of[$key]}" | jq '[.verdict.findings[] | select((.citation // "") == "")] | length')
        uncited=$((uncited + n))
        n=$(ctl --json verdict show "${case_of[$key]}" | jq '.verdict.findings | length')
        findings=$((findings + n))
    done
    check "$(tr_ "verdicts computed again, identical byte for byte, of ${#case_of[@]}" "判断を計算し直し1バイトも違わないもの（${#case_of[@]}件中）")" ${#case_of[@]} "$same"
    check "$(tr_ "findings without a citation, of $findings" "根拠の引用がない理由（$findings 件中）")" 0 "$uncited"
}

step_judging() {
    local faults
    chapter 1 "$(tr_ 'Pre-applications are judged' '事前申請と該当性の判断')"
    judge_listed
    say "$(tr_ 'An excerpt of the first verdict:' '最初の判断の抜粋:')"
    ctl verdict show "${case_of[tb1]}" | sed -n '1,4p;11,13p' | shown 110
    judge_unlisted
    not_eligible paas cirrus moj R10 "$(tr_ 'a PaaS' 'PaaS である')"
    not_eligible class3 denrai mof R11 "$(tr_ 'class-3 information' '機密性３情報を扱う')"
    not_eligible not-low blossom mlit R21 "$(tr_ 'availability is moderate' '可用性の影響度が中位')"
    faults=$(faults_of ctl --as acme submit examples/cases/three-faults.json)
    check "$(tr_ 'an application with three faults is refused, naming' '3か所の誤りがある申請を、誤りをすべて示して返す')" \
        'gbizId [R15], service.confidentialityClass [R11], service.functionUsed [R14]' \
        "$(sort <<<"$faults" | paste -sd, | sed 's/,/, /g')"
    judge_reasons
}
