# Everything that needs no engine: the API, the watcher, the command, and the workers that prepare,
# deliver and read batches.

ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
COPY infra/docker/certificates/ /usr/local/share/ca-certificates/
RUN update-ca-certificates
WORKDIR /src
COPY infra/docker/install.sh pyproject.toml ./
COPY constraints/ constraints/
RUN sh install.sh dependencies
COPY . .
RUN sh install.sh docfleet

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="docfleet-producer" \
      org.opencontainers.image.description="docfleet without an engine: API, watcher, command, and the workers that prepare, deliver and read batches" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /opt/docfleet /opt/docfleet
COPY infra/docker/run-part infra/docker/healthy.py /usr/local/bin/
# What a volume holds when it is first mounted belongs to whom it belongs to here.
RUN groupadd --gid 10001 docfleet \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/docfleet docfleet \
 && install -d -o docfleet -g docfleet /var/lib/docfleet /run/docfleet \
      /run/secrets-for/redis /run/secrets-for/s3 /run/secrets-for/buckets /run/secrets-for/api \
      /run/secrets-for/watch /run/secrets-for/worker /run/secrets-for/deliver \
      /run/secrets-for/grafana /run/secrets-for/receiver
ENV PATH=/opt/docfleet/bin:$PATH \
    HOME=/var/lib/docfleet \
    PYTHONUNBUFFERED=1 \
    DOCFLEET_CONFIG=/etc/docfleet/fleet.toml \
    DOCFLEET_STATE_DIR=/var/lib/docfleet
USER 10001:10001
WORKDIR /var/lib/docfleet
EXPOSE 8000 8001 9100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-IS", "/usr/local/bin/healthy.py", "http://127.0.0.1:8000/healthz"]
ENTRYPOINT ["docfleet"]
CMD ["--help"]
