# shellcheck shell=bash
# Which port each of our processes listens on (all on 127.0.0.1). Sets PORT_<NAME>. Needs lib.sh.
#   BEDELAU_PORT_<NAME>=N   moves one      BEDELAU_PORT_BASE=N   moves all: N + the second column
# Without them the default is taken, or, where something else holds a default port, a free block; the choice is kept in
# .run/ports until one of its ports is taken by somebody else.

# name, offset in a block, default, the process that listens
port_table='
GATEWAY     0  9480 gateway
VALIDATOR   1  9481 validator
DEADLINE    2  9482 deadline
INTEGRATOR  3  9483 integrator
PROJECTOR   4  9484 projector
STANDIN    10  9490 standin
KAFKA      20 19092 kafka
CONTROLLER 21 19093 kafka
POSTGRES   22 15432 postgres
'
port_rows() { sed '/^$/d' <<<"$port_table"; }

# Sets `listening`: every TCP port that something on this machine listens on.
ports_listening() {
    declare -gA listening=()
    local _ address state
    while read -r _ address _ state _; do
        [ "$state" != 0A ] || listening[$((16#${address##*:}))]=1
    done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
}

# port_wanted NAME OFFSET DEFAULT PROCESS: where the process listens that runs, else as the environment, the file, or
# the default says, in this order.
port_wanted() {
    local single=BEDELAU_PORT_$1 kept
    kept=$(sed -n "s/^$1=//p" "$run/ports" 2>/dev/null) || true
    if [ -n "$kept" ] && daemon_alive "$4"; then
        say "$kept"
    elif [ -n "${!single:-}" ]; then
        say "${!single}"
    elif [ -n "${BEDELAU_PORT_BASE:-}" ]; then
        say $((BEDELAU_PORT_BASE + $2))
    else
        say "${kept:-$3}"
    fi
}

port_fixed() {
    local single=BEDELAU_PORT_$1
    [ -n "${BEDELAU_PORT_BASE:-}${!single:-}" ]
}

# Prints NAME=PORT of all that somebody else holds; what a running process of ours listens on is not asked.
ports_taken() {
    local name owner port
    while read -r name _ _ owner; do
        port=PORT_$name
        if [[ -v listening[${!port}] ]] && ! daemon_alive "$owner" && port_needed "$owner"; then
            say "$name=${!port}"
        fi
    done < <(port_rows)
}

port_needed() {
    case $1 in
    kafka) ! external_kafka ;;
    postgres) ! external_postgres ;;
    esac
}

ports_set() {
    local name offset default owner port
    while read -r name offset default owner; do
        port=$(port_wanted "$name" "$offset" "$default" "$owner")
        [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || die 78 "BEDELAU_PORT_$name or BEDELAU_PORT_BASE is not a port number"
        declare -g "PORT_$name=$port"
    done < <(port_rows)
}

# Moves what the environment does not fix to a block of free ports below the range that clients get theirs from.
ports_move() {
    local base try name offset
    for try in {1..200}; do
        base=$((20000 + RANDOM % 300 * 40))
        while read -r name offset _; do
            [[ ! -v listening[$((base + offset))] ]] || continue 2
        done < <(port_rows)
        while read -r name offset _; do
            port_fixed "$name" || declare -g "PORT_$name=$((base + offset))"
        done < <(port_rows)
        return
    done
    die 69 "no free block of ports was found in $try tries; name one with BEDELAU_PORT_BASE"
}

ports_keep() {
    local name port
    while read -r name _; do
        port=PORT_$name
        say "$name=${!port}"
    done < <(port_rows) | write_file "$run/ports"
}

anything_alive() {
    local owner
    for owner in $(port_rows | awk '{ print $4 }' | sort -u); do
        ! daemon_alive "$owner" || return 0
    done
    return 1
}

# ports_choose: the choice for this run. Ports that are in use are not moved under a running process.
ports_choose() {
    local taken line
    ports_set
    ports_listening
    taken=$(ports_taken)
    for line in $taken; do
        ! port_fixed "${line%=*}" || die 69 "port ${line#*=} (BEDELAU_PORT_${line%=*}) is in use by another program"
    done
    if [ -n "$taken" ]; then
        ! anything_alive || die 69 "in use by another program: port ${taken//$'\n'/, port }; 'make down' first"
        ports_move
        say "in use by another program: ${taken//$'\n'/, }; using Kafka $PORT_KAFKA, Postgres $PORT_POSTGRES," \
            "gateway $PORT_GATEWAY and on (kept in .run/ports)"
    fi
    ports_keep
}
