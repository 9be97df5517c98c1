# shellcheck shell=bash
# The pipeline's own programs: their configuration, tokens and processes. Needs lib.sh, ports.sh, postgres.sh.

# in the order they are started; the stand-in plays Bedelau
programs=(standin gateway validator deadline integrator projector)

bootstrap_servers() { say "${BEDELAU_KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:$PORT_KAFKA}"; }
conninfo() { if external_postgres; then say "$BEDELAU_POSTGRES_CONNINFO"; else pg_conninfo; fi; }
url() { local port=PORT_${1^^} && say "http://127.0.0.1:${!port}"; }
ctl() { "$bin/bedelauctl" -c "$conf" "$@"; }

# One file for all programs; keys not written here have their defaults.
conf_write() {
    [ -s "$run/secret/store" ] || say unknown | write_file "$run/secret/store"
    [ -s "$run/secret/callback" ] || say "whsec_$(head -c 24 /dev/urandom | base64)" | write_file "$run/secret/callback"
    write_file "$conf" <<END
# written by deploy/dev/up; changes here are lost
[kafka]
bootstrap.servers = $(bootstrap_servers)

[postgres]
conninfo = $(conninfo)
schema = bedelau

[sop]
# the example that is late was registered weeks ago
time_tolerance = 30d

[gateway]
listen = 127.0.0.1:$PORT_GATEWAY
callback_secret_file = $run/secret/callback

[validator]
listen = 127.0.0.1:$PORT_VALIDATOR

[attachments]
store = $(url gateway)
store_token_file = $run/secret/store
pdf = $(if [ -x "$bin/bedelau-pdfcheck" ]; then say on; else say off; fi)

[deadline]
listen = 127.0.0.1:$PORT_DEADLINE

[integrator]
listen = 127.0.0.1:$PORT_INTEGRATOR
url = $(url standin)
callback_url = $(url gateway)/v1/callbacks/bedelau

[projector]
listen = 127.0.0.1:$PORT_PROJECTOR
END
}

# json_text FILE KEY: the first string of that name in FILE; nothing when there is none.
json_text() { [ ! -f "$1" ] || sed -n "s/.*\"$2\": *\"\\([^\"]*\\)\".*/\\1/p" "$1" | head -n1; }

# The office whose examples are published, as the first of them names it.
example_opd() {
    local file=$root/schemas/examples/selesai.json
    opd=$(json_text "$file" kode_opd)
    opd_nama=$(json_text "$file" nama_opd)
}

built() {
    local name
    [ -x "$bin/bedelauctl" ] || return 1
    for name in "${programs[@]}"; do
        [ -x "$bin/bedelau-$name" ] || return 1
    done
}

program_start() {
    local pid
    if pid=$(daemon_pid "$1"); then
        [[ $(readlink "/proc/$pid/exe") != *' (deleted)' ]] ||
            say "$1 still runs what was built before; 'make down up' starts the new one"
        return
    fi
    if [ "$1" = standin ]; then
        BEDELAU_STANDIN_CALLBACK_SECRET=$(<"$run/secret/callback") \
            daemon_start standin "$bin/bedelau-standin" --listen "127.0.0.1:$PORT_STANDIN"
    else
        daemon_start "$1" "$bin/bedelau-$1" -c "$conf"
    fi
}

programs_start() {
    local name
    ctl topics create >"$run/log/topics.log" 2>&1 || failed topics "the topics could not be made"
    ctl migrate >"$run/log/migrate.log" 2>&1 || failed migrate "the database could not be brought up to date"
    # the validator reads documents from the gateway, by a token that the gateway must know
    program_start gateway
    daemon_wait gateway 60 http_ok "$(url gateway)/readyz"
    token store --opd '*' --label validator
    for name in "${programs[@]}"; do
        program_start "$name"
    done
    for name in "${programs[@]}"; do
        daemon_wait "$name" 60 http_ok "$(url "$name")/readyz"
    done
}

failed() {
    tail -n 20 "$run/log/$1.log" >&2
    die 70 "$2; see $run/log/$1.log"
}

# token FILE ARGUMENT...: a token that the gateway still knows stays; else `bedelauctl token create` makes one.
token() {
    local file=$run/secret/$1 code
    shift
    if [ -s "$file" ]; then
        code=$(curl -s -m 5 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(<"$file")" \
            "$(url gateway)/v1/requests/UNKNOWN-0" || true)
        [ "$code" = 401 ] || return 0
    fi
    ctl token create "$@" | tail -n1 | write_file "$file"
}

example_opds() {
    local name
    for name in selesai dikembalikan terlambat; do
        json_text "$root/schemas/examples/$name.json" kode_opd
    done | sort -u | paste -sd,
}

tokens_make() {
    token opd --opd "$opd" --nama "$opd_nama"
    # the three examples come from three departments
    token examples --opd "$(example_opds)" --label examples
    token officer --officer pemeriksa-1
}

# The examples' attachments, for the departments that the examples come from.
documents_put() {
    local file
    for file in "$root"/schemas/examples/lampiran/*.pdf; do
        curl -fsS -m 30 -o /dev/null -T "$file" -H "Authorization: Bearer $(<"$run/secret/examples")" \
            -H 'Content-Type: application/pdf' "$(url gateway)/v1/documents/$(sha256sum "$file" | cut -d' ' -f1)" ||
            die 70 "the attachment $file could not be stored; see $run/log/gateway.log"
    done
}

# env_line NAME VALUE: sourceable by any POSIX shell.
env_line() { say "export $1='${2//\'/\'\\\'\'}'"; }

# What other programs need to know of this set-up, design: "Commands". Without running programs only the services.
env_write() {
    local own='|'
    external_kafka || own+="$(bootstrap_servers)|"
    external_postgres || own+="$(conninfo)|"
    {
        say "# written by deploy/dev/up"
        env_line BEDELAU_DEV_OWN "$own"
        env_line BEDELAU_KAFKA_BOOTSTRAP_SERVERS "$(bootstrap_servers)"
        env_line BEDELAU_POSTGRES_CONNINFO "$(conninfo)"
        env_line BEDELAU_CONF "$conf"
        env_line BEDELAU_GATEWAY_URL "$(url gateway)"
        env_line BEDELAU_STANDIN_URL "$(url standin)"
        if [ -s "$run/secret/opd" ]; then
            env_line BEDELAU_OPD "$opd"
            env_line BEDELAU_OPD_NAMA "$opd_nama"
            env_line BEDELAU_TOKEN "$(<"$run/secret/opd")"
            env_line BEDELAU_OFFICER_TOKEN "$(<"$run/secret/officer")"
        fi
    } | write_file "$run/env"
}
