#!/usr/bin/env bash
# The HTTP API with nothing but curl (7.76 or later): submit, wait, result, list, cancel, an error.
#
# Start `docfleet up`, then:
#
#     set -a; eval "$(docfleet env)"; set +a
#     examples/curl.sh AU-7 demo/documents/fnol/auto-collision.pdf
set -euo pipefail

claim=$1
document=$2
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# Asks the API, shows its answer, and fails where it refuses.
api() {
  local path=$1 status=0
  shift
  curl -sS --fail-with-body -o "$answer" -H "Authorization: Bearer $DOCFLEET_API_KEY" \
    "$DOCFLEET_API_URL$path" "$@" || status=$?
  cat "$answer"
  echo
  return "$status"
}

# A text of the last answer. Take a JSON parser in earnest; this script wants nothing but curl.
field() {
  sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$answer"
}

# Waits for a job's end: each request is answered when the state changes, or after 30 seconds.
ended() {
  until [[ $(field state) =~ ^(succeeded|partially_succeeded|dead|cancelled)$ ]]; do
    api "/v1/jobs/$1?wait=30"
  done
}

echo "# Submit a document. The claim is the idempotency key: sent twice, it is still one job."
api /v1/jobs -H "Idempotency-Key: $claim" -F "file=@$document" \
  -F "request={\"tasks\": [\"fnol\"], \"metadata\": {\"claim\": \"$claim\"}};type=application/json"
id=$(field id)

echo "# Wait for its end."
ended "$id"

echo "# Its result."
api "/v1/jobs/$id/result"

echo "# The newest jobs of this claim."
api /v1/jobs -G -d limit=3 --data-urlencode "metadata=claim=$claim"

echo "# Submit it for another task, and cancel that."
api /v1/jobs -F 'request={"tasks": ["summary"]};type=application/json' -F "file=@$document"
id=$(field id)
if api "/v1/jobs/$id/cancel" -X POST; then
  ended "$id"
else
  echo "It had ended before."
fi

echo "# An error: its type is for programs, its detail for people."
api /v1/jobs -H 'Content-Type: application/json' \
  -d '{"document": {"text": "Hail broke two skylights."}, "tasks": ["no-such-task"]}' || true
