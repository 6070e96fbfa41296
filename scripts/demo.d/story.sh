# How the demo tells its story, checks it, and what it tells it about. To be sourced.
# shellcheck shell=bash disable=SC2034,SC2154

providers=(acme blossom cirrus denrai)
ministries=(moj mof mlit mlit-kanto soumu)
declare -A case_of=()   # example -> case
declare -A number_of=() # example -> registration number

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' good=$'\e[32m' bad=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' good='' bad='' plain=''
fi

chapters=() titles=() right=() wrong=()
failures=()

# chapter MARK TITLE
chapter() {
    chapters+=("$1")
    titles+=("$2")
    right+=(0)
    wrong+=(0)
    printf '\n%s== %s  %s%s\n' "$bold" "$1" "$2" "$plain"
}

say() { printf '   %s\n' "$*"; }

# check WHAT EXPECTED GOT
check() {
    local at=$((${#chapters[@]} - 1))
    if [ "$2" = "$3" ]; then
        right[at]=$((right[at] + 1))
        printf ' %s✔%s %s: %s\n' "$good" "$plain" "$1" "$3"
    else
        wrong[at]=$((wrong[at] + 1))
        failures+=("${chapters[at]}: $1: $(tr_ expected 期待) $2, $(tr_ got 実際) ${3:-$(tr_ nothing なし)}")
        printf ' %s✘ %s: %s %s, %s %s%s\n' "$bad" "$1" "$(tr_ expected 期待)" "$2" "$(tr_ got 実際)" "${3:-$(tr_ nothing なし)}" "$plain"
    fi
}

# check_done WHAT STATUS: a command that has to succeed
check_done() {
    local got
    got=$(tr_ "exit status $2" "終了状態 $2")
    [ "$2" != 0 ] || got=$(tr_ 'done' 完了)
    check "$1" "$(tr_ 'done' 完了)" "$got"
}

# shown COLUMNS: indents lines and cuts them by characters, not bytes
shown() {
    local line LC_ALL=C.UTF-8
    while IFS= read -r line; do
        printf '     %s\n' "${line:0:$1}"
    done
}

# progress TEXT: one line that is written over, on a terminal only
progress() { [ ! -t 2 ] || printf '\r\e[K   %s' "$*" >&2; }
progress_end() { [ ! -t 2 ] || printf '\r\e[K' >&2; }

# during TEXT LOG COMMAND...: with the log's last line as progress
during() {
    local text=$1 log=$2 status=0 pid
    shift 2
    "$@" >>"$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        progress "$text: $(tail -n 1 "$log" | cut -c1-80)"
        sleep 0.2
    done
    wait "$pid" || status=$?
    progress_end
    [ "$status" = 0 ] || { tail -n 20 "$log" >&2; die "$text: $(tr_ 'failed, see' '失敗しました。次を参照:') $log"; }
}

summary() {
    local i all_right=0 all_wrong=0 f
    printf '\n%s== %s%s\n' "$bold" "$(tr_ Summary まとめ)" "$plain"
    for i in "${!chapters[@]}"; do
        all_right=$((all_right + right[i]))
        all_wrong=$((all_wrong + wrong[i]))
        printf ' %s %-3s %3d / %-3d  %s\n' "$([ "${wrong[i]}" = 0 ] && echo "$good✔$plain" || echo "$bad✘$plain")" \
            "${chapters[i]}" "${right[i]}" "$((right[i] + wrong[i]))" "${titles[i]}"
    done
    printf '\n %d / %d %s, %d s\n' "$all_right" $((all_right + all_wrong)) "$(tr_ 'outcomes right' '件の結果が期待どおり')" "$1"
    [ ${#failures[@]} -eq 0 ] || for f in "${failures[@]}"; do printf ' %s✘ %s%s\n' "$bad" "$f" "$plain"; done
    [ "$all_wrong" = 0 ] || exit 1
}

# ---- talking to the system

ctl() { "$LIU_BIN/liuctl" --quiet "$@"; }
today() { TZ=JST-9 date +%F; }
now_ms() { date +%s%3N; }

# faults_of COMMAND...: the violations of a refusal, one a line, as "field [rule]"
faults_of() { "$@" 2>&1 >/dev/null | sed -n 's/^  \(.*\): \[\([A-Z0-9-]*\)\].*/\1 [\2]/p'; }

provider_of() { jq -r .provider "examples/assessments/$1"-*.json 2>/dev/null | head -1; }
service_of() { jq -r .service.name "examples/cases/$1.json"; }

# submit KEY PROVIDER [--attach FILE]...: remembers the case
submit() {
    local key=$1 provider=$2
    shift 2
    case_of[$key]=$(ctl --as "$provider" --json submit "examples/cases/$key.json" "$@" | jq -r .caseId)
    [ -n "${case_of[$key]}" ]
}

# sign KEY MINISTRY: the ministry signs its sheet for the provider; prints the file
sign() {
    local file=$work/$1-$2.signed.json
    ctl --as "$2" sheet sign "examples/assessments/$1-$2.json" >"$file" && echo "$file"
}

assess() { ctl --as "$2" assess "${case_of[$1]}" "examples/assessments/$1-$2.json" >/dev/null; }

# verdict_of KEY: "DECIDED ELIGIBLE TB-1"
verdict_of() {
    ctl --json verdict show "${case_of[$1]}" 2>/dev/null |
        jq -r '.verdict | [.state, .result, .matchedCode] | map(select(. != null)) | join(" ")' |
        sed 's/JUDGMENT_STATE_//; s/VERDICT_RESULT_//'
}

# soon EXPECTED COMMAND...: polls up to 10 s; prints what came last
soon() {
    local expected=$1 got='' until=$((SECONDS + 10))
    shift
    while :; do
        got=$("$@")
        [ "$got" != "$expected" ] && [ $SECONDS -lt $until ] || break
        sleep 0.05
    done
    printf '%s' "$got"
}

waits_for() { ctl --json waiting | jq -r --arg c "${case_of[$1]}" 'select(.record.id == $c) | .waitsFor'; }
state_of() { ctl --json registry show "${number_of[$1]}" | jq -r '(.entries[0]? // .).state' | sed 's/EFFECTIVE_STATE_//'; }
procurable() { ctl --json registry procurable --class 2 --level LOW | jq -r .number | grep -cx "${number_of[$1]}"; }
ms_of_us() { awk -v us="$1" 'BEGIN { if (us == "null" || us == "") print "-"; else printf "%.1f", us / 1000 }'; }
