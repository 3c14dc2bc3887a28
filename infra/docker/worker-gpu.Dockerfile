# A worker with vLLM for NVIDIA GPUs; models and adapters are mounted, or fetched into a volume.

# vLLM brings its own CUDA libraries; of CUDA 13 the base has the compatibility with drivers.
ARG CUDA_IMAGE=nvidia/cuda:13.0.2-base-ubuntu24.04

FROM ${CUDA_IMAGE} AS python
# Triton compiles its kernels at run time, with gcc and Python's headers.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates gcc libc6-dev python3 python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*

FROM python AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
COPY infra/docker/certificates/ /usr/local/share/ca-certificates/
RUN update-ca-certificates
WORKDIR /src
COPY infra/docker/install.sh pyproject.toml ./
COPY constraints/ constraints/
RUN sh install.sh dependencies gpu
COPY . .
RUN sh install.sh docfleet

FROM python
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="docfleet-worker-gpu" \
      org.opencontainers.image.description="A docfleet worker with vLLM for NVIDIA GPUs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /opt/docfleet /opt/docfleet
COPY infra/docker/run-part infra/docker/healthy.py /usr/local/bin/
# What a volume holds when it is first mounted belongs to whom it belongs to here.
RUN groupadd --gid 10001 docfleet \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/docfleet docfleet \
 && install -d -o docfleet -g docfleet /var/lib/docfleet
ENV PATH=/opt/docfleet/bin:$PATH \
    HOME=/var/lib/docfleet \
    PYTHONUNBUFFERED=1 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    DOCFLEET_CONFIG=/etc/docfleet/fleet.toml \
    DOCFLEET_STATE_DIR=/var/lib/docfleet \
    DOCFLEET_METRICS_HOST=0.0.0.0 \
    DOCFLEET_METRICS_PORT=9100
USER 10001:10001
WORKDIR /var/lib/docfleet
EXPOSE 9100
STOPSIGNAL SIGTERM
# Fetching and loading a large model takes its time.
HEALTHCHECK --interval=10s --timeout=5s --start-period=1800s \
    CMD ["python", "-IS", "/usr/local/bin/healthy.py", "http://127.0.0.1:9100/healthz"]
ENTRYPOINT ["docfleet"]
CMD ["worker", "infer"]
