# shellcheck shell=bash
# The database: a cluster of our own in .run/postgres, on 127.0.0.1 and a socket in its folder. Needs lib.sh.
# Postgres refuses to run as root: root's cluster belongs to the user `postgres` (or `nobody`), who may be unable to enter
# the checkout (/root/...). Then the folder is /var/lib/bedelau-dev/<hash of the checkout's path> and .run/postgres a
# link to it; clean-state removes both.

pg_link=$run/postgres

pg_outside() { say "/var/lib/bedelau-dev/$(printf %s "$root" | sha256sum | head -c 12)"; }

# Whom root's cluster belongs to: whoever made it, else `postgres`.
pg_user() {
    if [ -e "$pg_link/data" ]; then
        stat -c %U "$pg_link/data"
    else
        id -un postgres 2>/dev/null || say nobody
    fi
}

# pg_as COMMAND...: as the user that the cluster belongs to.
pg_as() { "${pg_as[@]}" "$@"; }

pg_as_command() {
    pg_as=()
    if is_root; then
        local user
        user=$(pg_user)
        pg_as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups --)
    fi
}

# pg_place: makes the folder and sets `pg_dir` to it.
pg_place() {
    pg_as_command
    if [ -L "$pg_link" ] && [ "$(readlink "$pg_link")" != "$(pg_outside)" ]; then
        warn "this checkout was moved or copied: its database begins empty (it was at $(readlink "$pg_link"))"
        rm -f "$pg_link"
    fi
    if [ ! -e "$pg_link" ] && is_root && ! (cd / && pg_as test -x "$run"); then
        (umask 022 && mkdir -p "$(pg_outside)")
        ln -sfn "$(pg_outside)" "$pg_link"
    fi
    mkdir -p "$pg_link/"
    pg_dir=$(readlink -f "$pg_link")
    ! is_root || chown "$(pg_user):" "$pg_dir"
    chmod 700 "$pg_dir"
}

# Sets `pg_bin`: the binaries of the version that made the data, of the newest version where there is no data yet.
pg_find_bin() {
    local version dir
    version=$(cat "$pg_dir/data/PG_VERSION" 2>/dev/null || true)
    for dir in $(compgen -G '/usr/lib/postgresql/*/bin' | sort -rV) $(dirname "$(command -v postgres || say /none)"); do
        if [ -x "$dir/postgres" ] && [[ $("$dir/postgres" -V) =~ \)\ ${version:-[0-9]+}[.a-z\ ] ]]; then
            pg_bin=$dir
            return
        fi
    done
    die 69 "PostgreSQL ${version:-(any version)} is not installed${version:+, which made the data under .run/postgres: \
install it, or begin anew with 'make clean-state'}"
}

# Makes the cluster and the database in a folder that gets its name when all is done; the password is made here.
pg_init() {
    [ ! -e "$pg_dir/data" ] || return 0
    local part=$pg_dir/data.part log=$run/log/postgres-init.log
    rm -rf "$part"
    [ -s "$run/secret/postgres" ] || random_hex 16 | write_file "$run/secret/postgres"
    # shellcheck disable=SC2016
    if ! (cd / && pg_as bash -euo pipefail -c 'umask 077; cat >"$2.password"
        "$1/initdb" -D "$2" -U bedelau --pwfile="$2.password" -A scram-sha-256 --locale=C.UTF-8 -E UTF8
        rm "$2.password"
        echo "CREATE DATABASE bedelau" | "$1/postgres" --single -D "$2" postgres
        mv "$2" "${2%.part}"' _ "$pg_bin" "$part") <"$run/secret/postgres" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        die 70 "the database cluster could not be made; see $log"
    fi
}

# A socket's path has at most 107 bytes: a deep checkout does without.
pg_socket_dir() { [ ${#pg_dir} -gt 85 ] || say "$pg_dir"; }

pg_conninfo() {
    say "host=127.0.0.1 port=$PORT_POSTGRES dbname=bedelau user=bedelau password=$(<"$run/secret/postgres")"
}

pg_ready() { "$pg_bin/pg_isready" -q -t 2 -h 127.0.0.1 -p "$PORT_POSTGRES" -d bedelau -U bedelau; }

# Starts the cluster unless it runs; pg_await waits for it. fsync stays on: what is measured here is meant. Memory is as an
# operator would give it (OPERATIONS.md): only what is used is taken.
pg_start() {
    pg_place
    pg_find_bin
    daemon_alive postgres && return
    pg_init
    daemon_start postgres "${pg_as[@]}" "$pg_bin/postgres" -D "$pg_dir/data" -h 127.0.0.1 -p "$PORT_POSTGRES" \
        -k "$(pg_socket_dir)" -c max_connections=200 -c shared_buffers=512MB
}

pg_await() { daemon_wait postgres 60 pg_ready; }
