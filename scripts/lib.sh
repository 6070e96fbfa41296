# Shared by the scripts: a private stack (Redis and the five services) in one directory. To be sourced.
#
# A stack directory holds all there is of it, and is removed with it:
#   keys/  redis/  archive/  log/  run/ (pid files)  conf/ (one YAML file a service)  liuctl.yaml  ports
# Processes are found by their pid file and by the directory in their command line, never by name alone.
#
# Settings (environment): LIU_BIN      directory of the programs
#                         LIU_LEDGER_SETTINGS  further lines of the ledger's settings
#                         LIU_READY_S  longest wait for a service to be ready, default 30
#                         LIU_PORTS_FROM, LIU_PORTS  where ports are looked for, default 12000 from 20000
# shellcheck shell=bash

liu_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
liu_services=(intake eligibility audit monitor ledger)
LIU_BIN=${LIU_BIN:-$liu_root/build/release/bin}

case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in
ja*) liu_ja=1 ;;
*) liu_ja= ;;
esac

# tr_ ENGLISH JAPANESE: the text in the user's language
tr_() { if [ -n "$liu_ja" ]; then printf '%s' "$2"; else printf '%s' "$1"; fi; }
note() { printf '%s\n' "$*" >&2; }
die() { note "$*"; exit 1; }

# ---- ports

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# port_reserve PORT: false when another script chose it a moment ago and what will listen there has not started yet.
port_reserve() {
    local file=${TMPDIR:-/tmp}/liu-ports-$UID/$1
    [ -d "${file%/*}" ] || mkdir -m 700 "${file%/*}" 2>/dev/null
    (set -C && : >"$file") 2>/dev/null && return 0
    [ -n "$(find "$file" -mmin +2 2>/dev/null)" ] && touch "$file"
}

# ports_choose N: free loopback ports below the kernel's ephemeral range, so that no outgoing connection takes one
ports_choose() {
    local n=$1 port
    while [ "$n" -gt 0 ]; do
        port=$((${LIU_PORTS_FROM:-20000} + RANDOM % ${LIU_PORTS:-12000}))
        case " ${liu_ports_taken:-} " in *" $port "*) continue ;; esac
        if ! port_is_free "$port" || ! port_reserve "$port"; then continue; fi
        liu_ports_taken="${liu_ports_taken:-} $port"
        n=$((n - 1))
    done
}

# ---- processes

# stack_pid DIR NAME: the pid when the process of this stack is alive
stack_pid() {
    local pid
    pid=$(cat "$1/run/$2.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && grep -aqsF -- "$1/" "/proc/$pid/cmdline" || return 1
    echo "$pid"
}

# http_get PORT PATH: the status code of the answer; empty when there is none
http_get() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3
        IFS=' ' read -r -t 2 _ code _ <&3
        echo "$code"
    ) 2>/dev/null
}

stack_port() { awk -v name="$2" '$1 == name { print $2 }' "$1/ports"; }

stack_redis_cli() {
    local dir=$1
    shift
    redis-cli -s "$dir/redis/redis.sock" "$@"
}

# wait_until SECONDS COMMAND...: polls 50 times a second
wait_until() {
    local left=$(($1 * 50))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.02
    done
}

redis_answers() { [ "$(stack_redis_cli "$1" ping 2>/dev/null)" = PONG ]; }
service_ready() { [ "$(http_get "$(stack_port "$1" "$2-http")" /readyz)" = 200 ]; }

# stack_spawn DIR NAME COMMAND...: in a session of its own, so that an interrupt of the script is not theirs
stack_spawn() {
    local dir=$1 name=$2
    shift 2
    setsid "$@" >>"$dir/log/$name.out" 2>>"$dir/log/$name.log" </dev/null 3>&- 4>&- &
    echo $! >"$dir/run/$name.pid"
    disown $!
}

# stack_run DIR NAME: starts redis or a service, without waiting
stack_run() {
    stack_pid "$1" "$2" >/dev/null && return 0
    case $2 in
    redis) stack_spawn "$1" redis redis-server "$1/redis/redis.conf" ;;
    *) stack_spawn "$1" "$2" "$LIU_BIN/liu-$2" -c "$1/conf/$2.yaml" ;;
    esac
}

redis_up_or_gone() { redis_answers "$1" || ! stack_pid "$1" redis >/dev/null; }

# A SIGKILL in the middle of a write leaves a torn end, which Redis refuses: cut what was never acknowledged.
redis_mend() {
    stack_pid "$1" redis >/dev/null && return 0
    grep -q 'Unexpected end of file' <<<"$(tail -n 3 "$1/log/redis.out")" || return 0
    note "   redis: $(tr_ 'the append file ends in the middle of a write, repairing it' '追記ファイルの末尾が書きかけのため修復します')"
    "$liu_root/scripts/repair-store" "$1/redis" "$1/archive" >>"$1/log/repair.out" 2>&1 || return 1
    stack_run "$1" redis
}

stack_wait() {
    local why
    case $2 in
    redis)
        wait_until "${LIU_READY_S:-30}" redis_up_or_gone "$1"
        redis_mend "$1" || die "redis: $(tr_ 'cannot be repaired, see' '修復できません。次を参照:') $1/log/repair.out"
        wait_until "${LIU_READY_S:-30}" redis_answers "$1" || die "redis: $(tr_ 'does not answer, see' '応答がありません。次を参照:') $1/log/redis.out"
        ;;
    *)
        wait_until "${LIU_READY_S:-30}" service_ready "$1" "$2" && return 0
        why=$(tail -n 1 "$1/log/$2.log")
        die "$2: $(tr_ 'is not ready, see' '準備が整いません。次を参照:') $1/log/$2.log: $why"
        ;;
    esac
}

# stack_kill DIR NAME...: SIGKILL, all at once
stack_kill() {
    local dir=$1 name pids=()
    shift
    for name in "$@"; do
        pids+=("$(stack_pid "$dir" "$name")") || return 1
    done
    kill -KILL "${pids[@]}"
    for name in "${pids[@]}"; do
        wait_until 10 stack_gone "$name"
    done
}

# A process that is gone, or one of which only the entry is left until its parent looks. While any of its threads ends
# it still holds its ports.
stack_gone() { ! grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1"/task/*/status; }

# stack_end DIR NAME: SIGTERM, then SIGKILL after 10 s
stack_end() {
    local pid
    pid=$(stack_pid "$1" "$2") || return 0
    kill -TERM "$pid" 2>/dev/null
    wait_until 10 stack_gone "$pid" || kill -KILL "$pid" 2>/dev/null
    rm -f "$1/run/$2.pid"
}

# ---- configuration

stack_keygen() { LANG=C "$LIU_BIN/liuctl" --quiet keygen "$2" --dir "$1/keys" "${@:3}"; }

stack_write_redis() {
    cat >"$1/redis/redis.conf" <<CONF
port 0
unixsocket $1/redis/redis.sock
unixsocketperm 700
dir $1/redis
daemonize no
loglevel notice
appendonly yes
appendfsync always
aof-load-truncated no
auto-aof-rewrite-percentage 0
save ""
maxmemory 1gb
maxmemory-policy noeviction
enable-debug-command no
CONF
}

stack_write_service() {
    local dir=$1 name=$2
    {
        echo "endpoint: tcp://127.0.0.1:$(stack_port "$dir" "$name")"
        echo "http_address: 127.0.0.1:$(stack_port "$dir" "$name-http")"
        echo "curve_key_file: $dir/keys/$name.curve"
        echo "second_endpoint: tcp://127.0.0.1:$(stack_port "$dir" "$name-second")"
        echo "second_curve_key_file: $dir/keys/$name-second.curve"
        echo "signing_key_file: $dir/keys/scheme.sign"
        echo "redis_address: unix:$dir/redis/redis.sock"
        echo "scheme_instance: $(basename "$dir")"
        case $name in
        monitor)
            echo "urgent_endpoint: tcp://127.0.0.1:$(stack_port "$dir" urgent)"
            echo "bulk_endpoint: tcp://127.0.0.1:$(stack_port "$dir" bulk)"
            echo "second_urgent_endpoint: tcp://127.0.0.1:$(stack_port "$dir" urgent-second)"
            echo "second_bulk_endpoint: tcp://127.0.0.1:$(stack_port "$dir" bulk-second)"
            ;;
        ledger)
            echo "archive_dir: $dir/archive"
            echo "segment_seconds: ${LIU_SEGMENT_S:-10}"
            printf '%s' "${LIU_LEDGER_SETTINGS:-}"
            ;;
        esac
    } >"$dir/conf/$name.yaml"
}

stack_write_liuctl() {
    local dir=$1 name server
    {
        echo "identity: operator"
        echo "key_dir: $dir/keys"
        echo "scheme_instance: $(basename "$dir")"
        for name in "${liu_services[@]}" urgent bulk; do
            server=$name
            case $name in urgent | bulk) server=monitor ;; esac
            echo "${name}_endpoint: tcp://127.0.0.1:$(stack_port "$dir" "$name")"
            echo "${name}_key: $dir/keys/$server.pub"
            echo "${name}_second_endpoint: tcp://127.0.0.1:$(stack_port "$dir" "$name-second")"
            echo "${name}_second_key: $dir/keys/$server-second.pub"
        done
        echo "redis_address: unix:$dir/redis/redis.sock"
        echo "archive_dir: $dir/archive"
        echo "timeout_ms: 15000"
    } >"$dir/liuctl.yaml"
}

stack_write_ports() {
    local name ports
    liu_ports_taken=
    ports_choose $((3 * ${#liu_services[@]} + 4))
    read -r -a ports <<<"$liu_ports_taken"
    {
        for name in "${liu_services[@]}"; do
            echo "$name ${ports[0]}"
            echo "$name-http ${ports[1]}"
            echo "$name-second ${ports[2]}"
            ports=("${ports[@]:3}")
        done
        echo "urgent ${ports[0]}"
        echo "bulk ${ports[1]}"
        echo "urgent-second ${ports[2]}"
        echo "bulk-second ${ports[3]}"
    } >"$1/ports"
}

# ---- the stack

# stack_create DIR: directories, keys, files, an initialised store. Leaves Redis running.
stack_create() {
    local dir=$1 name
    [ ! -e "$dir/ports" ] || die "$dir: $(tr_ 'holds a stack already' 'すでに環境があります')"
    [ "${#dir}" -le 80 ] || die "$dir: $(tr_ 'the path is too long for a socket (80 characters)' 'パスが長すぎます（ソケットのため80文字まで）')"
    [ -x "$LIU_BIN/liuctl" ] || die "$LIU_BIN/liuctl: $(tr_ 'not built' 'ビルドされていません')"
    command -v redis-server >/dev/null || die "$(tr_ 'redis-server is missing: run scripts/setup run' 'redis-server がありません。scripts/setup run を実行してください')"
    mkdir -p "$dir" && chmod 700 "$dir" || return 1
    mkdir -m 700 "$dir"/{keys,redis,archive,log,run,conf}
    stack_write_ports "$dir"
    stack_write_redis "$dir"
    for name in operator scheme "${liu_services[@]}"; do
        stack_keygen "$dir" "$name" || return 1
    done
    for name in "${liu_services[@]}"; do
        stack_write_service "$dir" "$name"
    done
    stack_write_liuctl "$dir"
    stack_run "$dir" redis
    stack_wait "$dir" redis
    (cd "$liu_root" && "$LIU_BIN/liuctl" --config "$dir/liuctl.yaml" --quiet store init \
        --operator "$dir/keys/operator.json" --rulebook "${LIU_RULEBOOK:-rules/regime-a.yaml}") || die "store init"
}

# stack_start DIR: everything runs and is ready; a new directory gets a new stack
stack_start() {
    local name
    [ -e "$1/ports" ] || stack_create "$1"
    stack_run "$1" redis
    stack_wait "$1" redis
    for name in "${liu_services[@]}"; do
        stack_run "$1" "$name"
    done
    for name in "${liu_services[@]}"; do
        stack_wait "$1" "$name"
    done
}

# stack_restart DIR NAME...: those that are down come up again, and all of the stack is ready
stack_restart() {
    local dir=$1 name
    shift
    for name in "$@"; do
        stack_run "$dir" "$name"
    done
    for name in redis "${liu_services[@]}"; do
        stack_wait "$dir" "$name"
    done
}

stack_stop() {
    local name
    for name in "${liu_services[@]}" redis; do
        stack_end "$1" "$name"
    done
}

# stack_pids DIR: "intake=12,redis=13", as liu-drive takes it
stack_pids() {
    local name list=
    for name in redis "${liu_services[@]}"; do
        list=${list:+$list,}$name=$(stack_pid "$1" "$name") || return 1
    done
    echo "$list"
}
