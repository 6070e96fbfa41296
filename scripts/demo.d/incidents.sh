# Step 4: incidents in a flood, suspension, what does not suspend, and the way back. To be sourced.
# shellcheck shell=bash disable=SC2154

low_alerts=20000

# push NAME FEED: verdict of the first alert; each push is an epoch of its own, so numbers start at 1
push() {
    ctl --as "$2" --json alert push "examples/alerts/$1.json" --epoch "$(now_ms)" --first-seq 1 |
        jq -r '.outcomes[0].verdict // "ALERT_VERDICT_COUNTED"' | sed 's/ALERT_VERDICT_//'
}

# incident_of KEY FIELD...: of the newest incident of that service
incident_of() {
    ctl --json incident list | jq -rs --arg n "${number_of[$1]}" \
        '[.[] | select(.number == $n)] | sort_by(.openedAtMs | tonumber) | last // {} | [.state, (.rings // false)] | map(tostring) | join(" ")' |
        sed 's/INCIDENT_STATE_//'
}
incident_id() {
    ctl --json incident list | jq -rs --arg n "${number_of[$1]}" \
        '[.[] | select(.number == $n)] | sort_by(.openedAtMs | tonumber) | last.id'
}

# A brake that a demonstration can reach, put into force by the operator as any rulebook is.
lower_brake() {
    local book=$work/brake.yaml
    sed -e 's/^name: .*/name: regime-a-brake/' -e 's/brake_suspensions: [0-9]*/brake_suspensions: 3/' \
        -e 's/brake_window_s: [0-9]*/brake_window_s: 3600/' rules/regime-a.yaml >"$book"
    ctl --as operator rulebook activate "$book" --reason "$(tr_ 'a drill: three automatic suspensions an hour' '訓練: 自動停止は1時間に3件まで')" >/dev/null
    check_done "$(tr_ 'rulebook activated: at most three automatic suspensions an hour' '規則の有効化: 自動停止は1時間に3件まで')" $?
    ctl verdict replay "${case_of[tb1]}" >/dev/null
    check_done "$(tr_ 'an earlier verdict replayed under the rulebook it cites' '以前の判断を、引用した規則のまま計算し直す')" $?
}

flood() {
    local report=$work/flood.json pid
    say "$(tr_ "$low_alerts low alerts in the bulk lane; halfway one critical alert in the urgent lane, one inside the bulk" \
        "一括経路に低位の通報 $low_alerts 件。途中で緊急経路に1件、一括の中に1件、特に重大な通報")"
    "$LIU_BIN/liu-drive" flood --feed jp-csirt --subscribers moj,mof,soumu --alerts "$low_alerts" --batch 64 --window 8 \
        --urgent "${number_of[tb1]}" --bulk "${number_of[tb2]}" --out "$report" 2>"$work/flood.log" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        progress "$(tr_ 'the flood runs' '通報を送信中')"
        sleep 0.2
    done
    progress_end
    wait "$pid"
    check_done "$(tr_ 'the flood' '通報の送信')" $?
    check "$(tr_ 'alerts taken, each once' '受け付けた通報（重複なし）')" "$low_alerts" "$(jq .alertsTaken "$report")"
    flood_lane "$report" urgentLane tb1 "$(tr_ 'urgent lane' '緊急経路')"
    flood_lane "$report" insideBulk tb2 "$(tr_ 'inside the bulk' '一括の中')"
    say "$(tr_ 'alerts a second:' '毎秒の通報:') $(jq '.alertsPerSecond | floor' "$report")"
}

# flood_lane REPORT LANE KEY NAME
flood_lane() {
    local told
    check "$4: $(service_of "$3")" SUSPENDED "$(jq -r ".$2.verdict" "$1")"
    told=$(jq -r "[.$2.noticeUs | to_entries[] | select(.value != null) | .key] | sort | join(\" \")" "$1")
    check "$4: $(tr_ 'ministries whose open FetchEvents received the notice' '待機中の FetchEvents に通知が届いた省庁')" 'mof moj soumu' "$told"
    say "$4: $(tr_ 'push → durable suspension' '送信 → 停止の永続化') $(ms_of_us "$(jq ".$2.durableUs" "$1")") ms; $(tr_ 'push → notice, slowest ministry' '送信 → 通知（最も遅い省庁）') $(ms_of_us "$(jq "[.$2.noticeUs[]] | max" "$1")") ms"
}

suspended_everywhere() {
    local key
    for key in "$@"; do
        check "$(service_of "$key"): $(tr_ 'on the public list' '公開一覧')" SUSPENDED "$(state_of "$key")"
        check "$(service_of "$key"): $(tr_ 'may be procured' '調達できる')" 0 "$(procurable "$key")"
    done
}

nothing_suspended() {
    check "$(tr_ 'a feed without authority' '権限のない通報元')" INCIDENT "$(push no-authority press-watch)"
    check "  $(tr_ 'incident for a person, ringing' '担当者へのインシデント、警報')" 'REPORTED true' "$(incident_of tb8)"
    check "  $(service_of tb8)" REGISTERED "$(state_of tb8)"
    check "$(tr_ 'an alert that states no effects' '影響の記載がない通報')" INCIDENT "$(push ungraded jp-csirt)"
    check "  $(tr_ 'incident for a person, ringing' '担当者へのインシデント、警報')" 'REPORTED true' "$(incident_of tb5)"
    check "  $(service_of tb5)" REGISTERED "$(state_of tb5)"
    check "$(tr_ 'a low alert is counted' '低位の通報は件数のみ')" COUNTED "$(push low jp-csirt)"
}

false_alarm() {
    check "$(tr_ 'a critical alert that turns out false' '後に誤報と判明する特に重大な通報')" SUSPENDED "$(push false-alarm jp-csirt)"
    check "  $(service_of tb4)" SUSPENDED "$(state_of tb4)"
}

past_the_brake() {
    check "$(tr_ 'a fourth critical alert is held by the brake' '4件目の特に重大な通報は歯止めが保留')" HELD_BY_BRAKE "$(push past-the-brake jp-csirt)"
    check "  $(tr_ 'incident held, ringing' '保留中のインシデント、警報')" 'HELD true' "$(incident_of tb7)"
    check "  $(service_of tb7)" REGISTERED "$(state_of tb7)"
}

way_back() {
    ctl --as operator --yes incident lift "${number_of[tb4]}" --reason "$(tr_ 'the sharing was intended' '意図した共有と確認')" \
        --basis '2026-5' --date "$(today)" >/dev/null
    check "$(tr_ 'the operator lifts the false suspension' '運用者が誤った一時停止を解除'): $(service_of tb4)" REGISTERED "$(state_of tb4)"
    check "  $(tr_ 'may be procured' '調達できる')" 1 "$(procurable tb4)"
    ctl --as operator --yes incident confirm "$(incident_id tb7)" --reason "$(tr_ 'seen, it is real' '事実と確認')" >/dev/null
    check "$(tr_ 'the operator lets go what the brake held' '運用者が保留を承認'): $(service_of tb7)" SUSPENDED "$(state_of tb7)"
}

step_incidents() {
    chapter 4 "$(tr_ 'Incidents in a flood' '大量通報の中のインシデント')"
    lower_brake
    flood
    suspended_everywhere tb1 tb2
    nothing_suspended
    false_alarm
    past_the_brake
    way_back
    say "$(tr_ 'Incidents now:' '現在のインシデント:')"
    ctl incident list | shown 150
}
