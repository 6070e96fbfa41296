# Step 5: twenty SIGKILLs during a stream; what was acknowledged is there, once. To be sourced.
# shellcheck shell=bash disable=SC2154

kills=20
stream_rate=40 # a provider
stream_pid=

# The twenty: each alone twice, Redis four times, all services twice, everything four times; shuffled by the seed.
kill_plan() {
    local list=() name i j swap
    for name in "${liu_services[@]}"; do
        list+=("$name" "$name")
    done
    list+=(redis redis redis redis "${liu_services[*]}" "${liu_services[*]}")
    for i in 1 2 3 4; do
        list+=("redis ${liu_services[*]}")
    done
    RANDOM=$((seed % 32768))
    for ((i = ${#list[@]} - 1; i > 0; i--)); do
        j=$((RANDOM % (i + 1)))
        swap=${list[i]} list[i]=${list[j]} list[j]=$swap
    done
    printf '%s\n' "${list[@]}"
}

kill_all_planned() {
    local n=0 names gap what
    while read -r names; do
        n=$((n + 1))
        gap=$((200 + RANDOM % 1300))
        sleep "$(printf '%d.%03d' $((gap / 1000)) $((gap % 1000)))"
        # shellcheck disable=SC2086
        stack_kill "$dir" $names && killed=$((killed + 1))
        what=${names/"${liu_services[*]}"/$(tr_ 'all services' '全サービス')}
        if [ -t 2 ]; then progress "SIGKILL $n/$kills: $what"; else say "SIGKILL $n/$kills: $what"; fi
        # shellcheck disable=SC2086
        stack_restart "$dir" $names
    done < <(kill_plan)
    progress_end
}

# The client's receipts, as "party id seq", against the journal's entries of these commits.
compare_receipts() {
    local receipts=$work/receipts journal=$work/journal.jsonl
    ctl --json journal tail --from 1 >"$journal"
    check "$(tr_ 'gaps in the journal' '記録の欠番')" 0 "$(jq .seq "$journal" | awk 'NR != $1 { gaps++ } END { print gaps + 0 }')"
    check "$(tr_ 'epochs in the receipts' '受領証の世代')" 1 "$(awk '{ print $3 }' "$receipts" | sort -u | wc -l)"
    awk '{ print $1, $2, $4 }' "$receipts" | sort >"$work/acknowledged"
    jq -r 'select(.type == "ismap.liu.v1.CaseSubmitted") | [.actor, .cause, .seq, .payload.caseId] | map(tostring) | join(" ")' "$journal" |
        grep -F ' drill-' | sort >"$work/effects"
    cut -d' ' -f1-3 "$work/effects" >"$work/effects.key"
    check "$(tr_ 'acknowledged but not in the journal at the place of its receipt' '受領証があるのに、その番号に記録がないもの')" 0 \
        "$(comm -23 "$work/acknowledged" "$work/effects.key" | wc -l)"
    check "$(tr_ 'in the journal but not acknowledged' '記録にあるのに受領証がないもの')" 0 \
        "$(comm -13 "$work/acknowledged" "$work/effects.key" | wc -l)"
    check "$(tr_ 'messages with more than one effect' '効果が2度以上のメッセージ')" 0 "$(cut -d' ' -f1,2 "$work/effects" | uniq -d | wc -l)"
    ctl journal check "$receipts" >/dev/null
    check_done "$(tr_ 'liuctl compares receipts and journal itself' 'liuctl 自身による受領証と記録の照合')" $?
    ctl --json case list | jq -r .record.id | sort >"$work/cases"
    cut -d' ' -f4 "$work/effects" | sort >"$work/effects.case"
    check "$(tr_ 'cases in the journal but not in the state' '記録にあるのに状態にない案件')" 0 "$(comm -23 "$work/effects.case" "$work/cases" | wc -l)"
    check "$(tr_ 'cases listed twice' '重複した案件')" 0 "$(uniq -d "$work/cases" | wc -l)"
    check "$(tr_ 'cases in the state that are not of the stream: those of step 1' '送信分以外の案件（手順1のもの）')" "${#case_of[@]}" \
        "$(comm -13 "$work/effects.case" "$work/cases" | wc -l)"
}

rebuild() {
    local report
    say "$(tr_ 'All records are rebuilt from the journal and compared with Redis' '全状態を記録から組み直し、Redis と比べる')"
    report=$(ctl --json journal rebuild --verify | tail -n 1)
    say "$(jq -r '"\(.entries) / \(.fromSegments) / \(.records)"' <<<"$report") ($(tr_ 'entries / from segments / records' '記録 / うち書庫 / 状態'))"
    check "$(tr_ 'differences' '相違')" 0 "$(jq .differences <<<"$report")"
}

step_crashes() {
    local report=$work/stream.json status=0 killed=0
    chapter 5 "$(tr_ 'Twenty crashes' '20回の強制終了')"
    say "$(tr_ "A stream of pre-applications by four providers, $((4 * stream_rate)) a second; seed $seed" "4事業者が毎秒 $((4 * stream_rate)) 件の事前申請を送信。乱数の種 $seed")"
    "$LIU_BIN/liu-drive" stream --as-list "$(IFS=,; echo "${providers[*]}")" --rate "$stream_rate" --seconds 60 --patience-s 120 \
        --receipts "$work/receipts" --out "$report" 2>"$work/stream.log" &
    stream_pid=$!
    kill_all_planned
    check "$(tr_ 'SIGKILLs, each service and Redis alone and together' 'SIGKILL（各サービスと Redis、単独と同時）')" $kills "$killed"
    check "$(tr_ 'the stream went on through all of them' '送信はその間続いていた')" yes "$(kill -0 $stream_pid 2>/dev/null && echo yes)"
    while kill -0 $stream_pid 2>/dev/null; do
        progress "$(tr_ 'the stream goes on:' '送信中:') $(wc -l <"$work/receipts") $(tr_ receipts 件の受領証)"
        sleep 0.3
    done
    progress_end
    wait $stream_pid || status=$?
    stream_pid=
    check_done "$(tr_ 'the stream' '送信')" $status
    say "$(tr_ 'sent / acknowledged / sent again / answered as duplicates:' '送信 / 受領 / 再送 / 重複としての応答:') $(jq -r '"\(.sent) / \(.acknowledged) / \(.sentAgain) / \(.answeredAsDuplicate)"' "$report")"
    check "$(tr_ 'messages without an answer' '応答のないメッセージ')" 0 "$(jq .unanswered "$report")"
    check "$(tr_ 'messages refused' '拒否されたメッセージ')" 0 "$(jq .refused "$report")"
    check "$(tr_ 'receipts in the log of the client' 'クライアントの記録にある受領証')" "$(jq .sent "$report")" "$(wc -l <"$work/receipts")"
    compare_receipts
    rebuild
    ctl verdict replay "${case_of[tb1]}" >/dev/null
    check_done "$(tr_ 'the first verdict replayed after all that' '最初の判断をここで計算し直す')" $?
}
