#!/bin/sh
# Publishes form PA.20 through the gateway with curl, its attachments first.
#   publish.sh [FORM [KEY]]   KEY: the same again is the same request; a new one is made where it is left out
set -eu
here=$(cd "$(dirname "$0")" && pwd)
form=${1:-$here/form.json}
key=${2:-sh-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')}
: "${BEDELAU_GATEWAY_URL:?source .run/env first}" "${BEDELAU_TOKEN:?source .run/env first}"

for file in "$here"/../../schemas/examples/lampiran/*.pdf; do
    sha256=$(sha256sum "$file" | cut -d' ' -f1)
    curl -fsS -o /dev/null -T "$file" -H "Authorization: Bearer $BEDELAU_TOKEN" -H 'Content-Type: application/pdf' \
        "$BEDELAU_GATEWAY_URL/v1/documents/$sha256"
done

# 202 is said when Kafka has it; on 503 or no answer send the same again with the same key
curl -sS --fail-with-body --retry 5 --retry-connrefused -H "Authorization: Bearer $BEDELAU_TOKEN" \
    -H 'Content-Type: application/json' -H "Idempotency-Key: $key" --data-binary "@$form" \
    "$BEDELAU_GATEWAY_URL/v1/requests"
