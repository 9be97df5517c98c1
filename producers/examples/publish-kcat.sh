#!/bin/sh
# Publishes form PA.20 straight to Kafka with kcat, as a CloudEvent in structured mode: the record's value is the event.
#   publish-kcat.sh [NOMOR [FORM]]   NOMOR: the request's number, which a direct publisher chooses, <kode_opd>-..
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${BEDELAU_KAFKA_BOOTSTRAP_SERVERS:?source .run/env first}" "${BEDELAU_OPD:?source .run/env first}"
nomor=${1:-$BEDELAU_OPD-KCAT-$(date +%s)}
form=${2:-$here/form.json}
event=$(mktemp)
trap 'rm -f "$event"' EXIT

# the number is spliced in as the form's first member; the id is unique per source, the same id again is a repeat
{
    printf '{"specversion":"1.0","id":"%s-1","source":"/opd/%s","subject":"%s","revisi":1,' "$nomor" "$BEDELAU_OPD" "$nomor"
    printf '"type":"id.go.batam.bedelau.request.submitted.v1","datacontenttype":"application/json","data":'
    sed "1s/{/{\"nomor_permohonan\":\"$nomor\",/" "$form"
    printf '}'
} >"$event"

# the file is one record; partitioner and acks as every publisher should have them
kcat -P -b "$BEDELAU_KAFKA_BOOTSTRAP_SERVERS" -t "${BEDELAU_TOPIC:-bedelau.requests}" -k "$nomor" \
    -H content-type=application/cloudevents+json -X acks=all -X partitioner=murmur2_random "$event"
printf '%s\n' "$nomor"
