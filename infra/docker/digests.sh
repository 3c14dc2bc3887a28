#!/bin/sh
# Prints lines for .env that name the images of others by the digest of what is pulled here.
#   digests.sh COMPOSE_FILE
set -eu

# shellcheck disable=SC2016 # what Compose expands is looked for
grep -o '\${[A-Z0-9]*_IMAGE:-[^}]*}' "$1" | tr -d '${}' | sort -u | while read -r one; do
    name="${one%%:-*}"
    image="${one#*:-}"
    docker pull --quiet "$image" >/dev/null
    echo "$name=$(docker image inspect --format '{{index .RepoDigests 0}}' "$image")   # $image"
done
