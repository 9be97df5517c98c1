#!/bin/sh
# Publishes form PA.20 straight to Kafka with kcat, as a CloudEvent in binary mode: the record's value is the form alone,
# the event's attributes are headers that begin with ce_.
#   publish-kcat-binary.sh [NOMOR [FORM]]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${BEDELAU_KAFKA_BOOTSTRAP_SERVERS:?source .run/env first}" "${BEDELAU_OPD:?source .run/env first}"
nomor=${1:-$BEDELAU_OPD-KCATB-$(date +%s)}
form=${2:-$here/form.json}
data=$(mktemp)
trap 'rm -f "$data"' EXIT
sed "1s/{/{\"nomor_permohonan\":\"$nomor\",/" "$form" >"$data"

kcat -P -b "$BEDELAU_KAFKA_BOOTSTRAP_SERVERS" -t "${BEDELAU_TOPIC:-bedelau.requests}" -k "$nomor" \
    -H content-type=application/json -H ce_specversion=1.0 -H "ce_id=$nomor-1" -H "ce_source=/opd/$BEDELAU_OPD" \
    -H ce_type=id.go.batam.bedelau.request.submitted.v1 -H "ce_subject=$nomor" -H ce_revisi=1 \
    -X acks=all -X partitioner=murmur2_random "$data"
printf '%s\n' "$nomor"
