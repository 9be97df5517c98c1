# shellcheck shell=bash
# The broker: one node of Apache Kafka (KRaft) from Maven's jars, data in .run/kafka. Needs lib.sh.

# java_major: prints the major version of the `java` in the path, 0 when there is none.
java_major() {
    local java version
    java=$(command -v java) || { say 0 && return; }
    java=$(readlink -f "$java")
    version=$(sed -n 's/^JAVA_VERSION="\(.*\)"/\1/p' "${java%/bin/java}/release" 2>/dev/null) || true
    [ -n "$version" ] || version=$(java -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/\1/p')
    version=${version%%[!0-9]*}
    say "${version:-0}"
}

kafka_version() { sed -n 's,.*<kafka.version>\(.*\)</kafka.version>.*,\1,p' "$dev/kafka/pom.xml"; }

# The folder of the jars, shared by all checkouts of a user.
kafka_lib() { say "${BEDELAU_CACHE:-${XDG_CACHE_HOME:-${HOME:-$run}/.cache}/bedelau}/kafka-$(kafka_version)"; }

# A folder is whole when the names and sizes that were written beside the jars are still true.
kafka_whole() { [ -s "$1/jars.list" ] && (cd "$1" && stat -c '%s %n' -- *.jar 2>/dev/null | cmp -s - jars.list); }

# Fetches the jars where they are missing; the folder appears whole or not at all.
kafka_fetch() {
    local lib part
    lib=$(kafka_lib)
    kafka_whole "$lib" && return
    say "fetching Apache Kafka $(kafka_version) by Maven into $lib"
    run_dirs
    mkdir -p "${lib%/*}" || die 69 "no folder for Kafka's jars; name another one with BEDELAU_CACHE"
    part=$(mktemp -d "$lib.XXXXXX")
    if ! mvn -q -B -f "$dev/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$part" >"$run/log/maven.log" 2>&1 </dev/null; then
        rm -rf "$part"
        tail -n 15 "$run/log/maven.log" >&2
        die 69 "Maven could not fetch Kafka's jars; see $run/log/maven.log"
    fi
    (cd "$part" && stat -c '%s %n' -- *.jar >jars.list)
    kafka_whole "$lib" || rm -rf "$lib"
    mv -T "$part" "$lib" 2>/dev/null || rm -rf "$part" # another checkout was faster
    kafka_whole "$lib" || die 69 "Kafka's jars in $lib are not whole; remove that folder and try again"
}

kafka_properties() {
    cat <<END
# written by deploy/dev/up
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$PORT_KAFKA,CONTROLLER://127.0.0.1:$PORT_CONTROLLER
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT_KAFKA,CONTROLLER://127.0.0.1:$PORT_CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:$PORT_CONTROLLER
log.dirs=$run/kafka/data

# topics are made by bedelauctl with their settings; a misspelt name must fail
auto.create.topics.enable=false
# dead letters are up to 5 MiB
message.max.bytes=6291456
replica.fetch.max.bytes=6291456

# what a topic no longer keeps is gone in moments: a test looks for it
log.retention.check.interval.ms=2000

# one node
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# tests do not wait: for a group to fill, for a dead member, for a deleted topic
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.delete.delay.ms=1000

# a small machine
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
END
}

# Sets `kafka_java` to the command that runs one of the jars' classes.
kafka_command() {
    kafka_java=(java -Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true
        -Dorg.slf4j.simpleLogger.dateTimeFormat="yyyy-MM-dd'T'HH:mm:ss.SSSXXX" -cp "$(kafka_lib)/*")
}

# The data folder is made once; a folder whose making was interrupted is made again.
kafka_format() {
    [ ! -f "$run/kafka/data/meta.properties" ] || return 0
    local id
    id=$(head -c16 /dev/urandom | base64 | tr '+/' 'ab' | head -c22)
    if ! "${kafka_java[@]}" kafka.tools.StorageTool format --standalone --ignore-formatted -t "$id" \
        -c "$run/kafka/server.properties" >"$run/log/kafka-format.log" 2>&1; then
        cat "$run/log/kafka-format.log" >&2
        die 70 "Kafka's data folder could not be made"
    fi
}

kafka_ready() { kcat -b "127.0.0.1:$PORT_KAFKA" -L -m 2 -J 2>/dev/null | grep -q '"id":1,'; }

# Starts the broker unless it runs; kafka_await waits for it.
kafka_start() {
    daemon_alive kafka && return
    mkdir -p "$run/kafka"
    kafka_properties | write_file "$run/kafka/server.properties"
    kafka_command
    kafka_format
    daemon_start kafka "${kafka_java[@]}" kafka.Kafka "$run/kafka/server.properties"
}

kafka_await() { daemon_wait kafka 60 kafka_ready; }
