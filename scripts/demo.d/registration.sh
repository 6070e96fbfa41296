# Step 3: main applications, the committee's decisions, uses, the public list. To be sourced.
# shellcheck shell=bash disable=SC2154

# ministry:service that it declares to use; with the assessing one, three ministries know tb1 and tb2
uses=(moj:tb1 mof:tb1 moj:tb2 soumu:tb2 mlit:tb3 mof:tb4 moj:tb8)

register_all() {
    local key provider answer state
    for key in "${eligible[@]}"; do
        provider=$(provider_of "$key")
        answer=$(ctl --as "$provider" --json register "examples/registrations/$key.json" --case "${case_of[$key]}")
        number_of["$key"]=$(jq -r .number <<<"$answer")
        state=$(ctl --as operator --json registry decide "${number_of[$key]}" --date "$(today)" --reference 2026-4 | jq -r .state)
        check "$(service_of "$key") → ${number_of[$key]}" LISTING_STATE_REGISTERED "$state"
    done
}

step_registration() {
    local faults row ministry key declared=0 number
    chapter 3 "$(tr_ 'Registration' '登録')"
    faults=$(faults_of ctl --as acme register examples/registrations/tb1-no-documents.json --case "${case_of[tb1]}")
    for row in statement auditReport managementConfirmation internalAuditReport; do
        check "$(tr_ 'a main application without its documents is refused for' '文書のない本申請は、不足を名指しして返す')" \
            "$row [R40]" "$(grep -F "$row [R40]" <<<"$faults")"
    done
    check "$(tr_ 'a case that is not eligible is refused for' '該当性のない案件の本申請は返す')" 'caseId [R40]' \
        "$(faults_of ctl --as cirrus register examples/registrations/tb5.json --case "${case_of[paas]}")"
    say "$(tr_ 'With all documents, and registered by the decision of the committee, signed by the operator:' '文書がそろい、運営委員会の決定を運用者が署名して登録:')"
    register_all
    for row in "${uses[@]}"; do
        IFS=: read -r ministry key <<<"$row"
        ctl --as "$ministry" use declare "examples/uses/$ministry.json" --number "${number_of[$key]}" >/dev/null && declared=$((declared + 1))
    done
    check "$(tr_ 'uses declared by ministries' '省庁が届け出た利用')" ${#uses[@]} $declared
    ctl --as reader registry list | shown 120
    check "$(tr_ 'registered services on the public list' '公開一覧の登録サービス')" 9 \
        "$(ctl --as reader --json registry list | jq -r .state | grep -cx EFFECTIVE_STATE_REGISTERED)"
    check "$(tr_ 'procurable for class 2, low' '機密性２・低位で調達できるもの')" 9 "$(ctl --json registry procurable --class 2 --level LOW | wc -l)"
    number=$(ctl --json registry procurable --class 3 --level LOW | wc -l)
    check "$(tr_ 'procurable for class 3' '機密性３で調達できるもの')" 0 "$number"
}
