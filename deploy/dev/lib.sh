# shellcheck shell=bash
# Shared by the scripts of this folder and of tests/: where things are, what to say, and the processes that are ours.
# Sourced after `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
run=$root/.run
# where the programs are looked for; another build folder can be tried out with it
bin=${BEDELAU_BIN:-$root/build/bin}
conf=$run/bedelau.conf
dev=$root/deploy/dev
export dev bin conf

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }

# die CODE SENTENCE...: 64 usage, 69 not available, 70 a bug of ours, 78 configuration.
die() {
    local code=$1
    shift
    warn "$(basename "$0"): $*"
    exit "$code"
}

is_root() { [ "$(id -u)" = 0 ]; }

# The folders of .run; others may pass through (Postgres runs as another user when we are root) but not list it.
run_dirs() {
    mkdir -p "$run"
    is_root || [ -O "$run" ] || die 69 "$run belongs to another user: 'make clean-state' as that user, or use a checkout of your own"
    chmod 711 "$run"
    mkdir -p "$run/log" "$run/pid" "$run/secret"
    chmod 700 "$run/log" "$run/pid" "$run/secret"
}

# write_file PATH: standard input becomes PATH at once or not at all, readable by us alone.
write_file() (
    umask 077
    cat >"$1.new"
    mv "$1.new" "$1"
)

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# external_kafka, external_postgres: whether the caller brought an own one. What .run/env of any checkout told is none:
# a shell that sourced it still gets services of its own.
external_kafka() { [ -n "${BEDELAU_KAFKA_BOOTSTRAP_SERVERS:-}" ]; }
external_postgres() { [ -n "${BEDELAU_POSTGRES_CONNINFO:-}" ]; }
for var in BEDELAU_KAFKA_BOOTSTRAP_SERVERS BEDELAU_POSTGRES_CONNINFO; do
    [[ ${BEDELAU_DEV_OWN:-} != *"|${!var:-}|"* ]] || unset "$var"
done

# ---- processes ---------------------------------------------------------------------------------------------------
# A pid file holds `pid start-time boot-id`: a pid that was given to somebody else since is never taken for ours.

# proc_start PID: prints its start time in clock ticks since boot; fails when there is no such process (a zombie is none).
proc_start() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    stat=${stat##*) }
    local -a field
    read -ra field <<<"$stat"
    [ "${field[0]}" != Z ] && say "${field[19]}"
}

boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || say none; }

# daemon_pid NAME: prints the pid of our running NAME; fails when it is not running.
daemon_pid() {
    local pid start boot
    read -r pid start boot 2>/dev/null <"$run/pid/$1.pid" || return 1
    [ "$boot" = "$(boot_id)" ] && [ "$(proc_start "$pid")" = "$start" ] && say "$pid"
}

daemon_alive() { daemon_pid "$1" >/dev/null; }

# daemon_start NAME COMMAND...: in a session of its own, log in .run/log/NAME.log. Lock descriptors are not handed down.
daemon_start() {
    local name=$1 log=$run/log/$1.log
    shift
    [ -f "$log" ] && mv "$log" "$log.1"
    (cd / && exec setsid "$@") >"$log" 2>&1 </dev/null 8>&- 9>&- &
    say "$! $(proc_start "$!") $(boot_id)" | write_file "$run/pid/$name.pid"
}

# daemon_stop NAME [SIGNAL]: asks, waits up to 20 s, then insists. Silent when NAME is not running.
daemon_stop() {
    local name=$1 pid
    if pid=$(daemon_pid "$name"); then
        kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
        if ! wait_until 20 daemon_gone "$name"; then
            warn "$name did not stop within 20 s and was killed"
            kill -s KILL -- "-$pid" 2>/dev/null || kill -s KILL "$pid" 2>/dev/null || true
            wait_until 10 daemon_gone "$name" || die 70 "$name (pid $pid) cannot be killed"
        fi
        say "stopped $name"
    fi
    rm -f "$run/pid/$name.pid"
}

daemon_gone() { ! daemon_alive "$1"; }

# daemon_wait NAME SECONDS CONDITION...: until it holds; says why and shows the log's end when NAME died or was too slow.
daemon_wait() {
    local name=$1 seconds=$2
    shift 2
    wait_until "$seconds" dead_or "$name" "$@" || true
    if daemon_alive "$name" && "$@"; then
        return 0
    fi
    tail -n 20 "$run/log/$name.log" >&2 || true
    if daemon_alive "$name"; then
        die 69 "$name was not ready within $seconds s; its log: $run/log/$name.log"
    fi
    rm -f "$run/pid/$name.pid"
    die 69 "$name ended while starting; its log: $run/log/$name.log"
}

dead_or() { ! daemon_alive "$1" || "${@:2}"; }

# wait_until SECONDS CONDITION...: asks ten times a second; fails when it did not hold in time.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

http_ok() { curl -sf -m 2 -o /dev/null "$1"; }
