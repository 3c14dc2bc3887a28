"""Layout of a local stack: its parts, their command lines and their environments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import HttpUrl

from docfleet.processes.part import Part
from docfleet.stack.options import StackOptions
from docfleet.stack.own_parts import OwnParts
from docfleet.stack.ports import LOOPBACK, Ports
from docfleet.stack.seaweed import EventsTo, S3Access, SeaweedPorts, seaweed_part
from docfleet.stack.state_dir import Secrets, StateDir
from docfleet.stack.valkey import redis_url, valkey_part
from producer.drops.event_listener import EVENTS_PATH
from settings.environment import STATE_DIR_VARIABLE
from settings.fleet import FleetSettings

_LOOPBACK: Mapping[str, Sequence[str]] = {
    LOOPBACK: (LOOPBACK,),
    "[::1]": ("[::1]",),
    "localhost": (LOOPBACK, "[::1]"),
}
"""This machine's address in `allow_networks`, by the host of a URL."""


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A stack that can be supervised.

    Attributes:
        layers: Layers of the parts; see Supervisor.
        environment: Variables that reach it; see settings.environment.CONNECTION_VARIABLES.
        metrics: Address of each part's metrics, HOST:PORT by the part's name.
    """

    layers: Sequence[Sequence[Part]]
    environment: dict[str, str]
    metrics: dict[str, str]


def local_stack(settings: FleetSettings, state: StateDir, options: StackOptions) -> LocalStack:
    """Lay out a stack; start nothing yet.

    Args:
        settings: The fleet's.
        state: The state directory, held by this process.
        options: Options of the user.

    Raises:
        SettingsError: There is no such pool.
        BadUsageError: A port is taken, or a server is not installed.
    """
    pool, _ = settings.pool(options.pool)
    secrets, ports = state.secrets(), _choose_ports(state.ports(), options)
    access = S3Access(
        f"http://{LOOPBACK}:{ports.s3.s3}", secrets.s3_access_key, secrets.s3_secret_key
    )
    environment = _environment(settings, secrets, ports, access)
    own = OwnParts(
        settings,
        options.config,
        {
            **environment,
            "DOCFLEET_WORK_BUCKET": settings.work_bucket,
            "DOCFLEET_EVENTS_TOKEN": secrets.events_token,
            STATE_DIR_VARIABLE: str(state.path),
            "DOCFLEET_CALLBACKS__ALLOW_NETWORKS": _allowed_networks(settings),
            "DOCFLEET_CALLBACKS__OWN_PORTS": json.dumps(sorted(ports.all())),
            **_concurrency(pool, options),
        },
    )
    infer = [
        own.infer(number, pool, options.engine, port)
        for number, port in ports.infer_metrics.items()
    ]
    workers = [own.prepare_and_deliver(ports.worker_metrics), *infer]
    watch = own.watch(ports.watch, ports.watch_metrics)
    return LocalStack(
        layers=[
            _servers(settings, state, ports, access),
            [own.api(ports.api), watch],
            workers,
        ],
        environment=environment,
        metrics={
            "api": f"{LOOPBACK}:{ports.api}",
            **{part.name: _metrics_address(part) for part in (watch, *workers)},
        },
    )


def _metrics_address(part: Part) -> str:
    told = part.environment
    return f"{told['DOCFLEET_METRICS_HOST']}:{told['DOCFLEET_METRICS_PORT']}"


def _encryption_keys(settings: FleetSettings, secrets: Secrets) -> str:
    given = settings.encryption_keys
    return given.get_secret_value() if given else secrets.encryption_key


def _allowed_networks(settings: FleetSettings) -> str:
    """Return the networks of the fleet's file and of its local default callback, as JSON."""
    named = [*settings.callbacks.allow_networks]
    if settings.callback_url:
        default = HttpUrl(settings.callback_url)
        named += [f"{host}:{default.port}" for host in _LOOPBACK.get(default.host or "", ())]
    return json.dumps(named)


def _concurrency(pool: str, options: StackOptions) -> dict[str, str]:
    """Return the pool's concurrency, as each part reads it from its environment."""
    if options.concurrency is None:
        return {}
    return {f"DOCFLEET_POOLS__{pool.upper()}__CONCURRENCY": str(options.concurrency)}


@dataclass(frozen=True, slots=True)
class _StackPorts:
    redis: int
    api: int
    watch: int
    s3: SeaweedPorts
    watch_metrics: int
    worker_metrics: int
    infer_metrics: dict[int, int]

    def all(self) -> frozenset[int]:
        """Return every port of the stack."""
        metrics = {self.watch_metrics, self.worker_metrics, *self.infer_metrics.values()}
        return self.s3.all() | {self.redis, self.api, self.watch} | metrics


def _choose_ports(ports: Ports, options: StackOptions) -> _StackPorts:
    return _StackPorts(
        redis=ports.choose("redis", told=options.redis_port),
        api=ports.choose("api", told=options.api_port),
        watch=ports.choose("watch"),
        s3=SeaweedPorts.choose(ports, options.s3_port),
        watch_metrics=ports.choose("watch-metrics"),
        worker_metrics=ports.choose("prepare-deliver-metrics"),
        infer_metrics={
            number: ports.choose(f"infer-{number}-metrics")
            for number in range(1, options.infer_workers + 1)
        },
    )


def _environment(
    settings: FleetSettings, secrets: Secrets, ports: _StackPorts, access: S3Access
) -> dict[str, str]:
    api_key = settings.api_key.get_secret_value() if settings.api_key else secrets.api_key
    given = settings.callback_secret
    callback_secret = given.get_secret_value() if given else secrets.callback_secret
    callback_url = {"DOCFLEET_CALLBACK_URL": settings.callback_url} if settings.callback_url else {}
    return {
        "DOCFLEET_API_URL": f"http://{LOOPBACK}:{ports.api}",
        "DOCFLEET_API_KEY": api_key,
        "DOCFLEET_CALLBACK_SECRET": callback_secret,
        "DOCFLEET_ENCRYPTION_KEYS": _encryption_keys(settings, secrets),
        "DOCFLEET_REDIS_URL": redis_url(ports.redis, secrets.redis_password),
        "AWS_ENDPOINT_URL_S3": access.endpoint_url,
        "AWS_ACCESS_KEY_ID": access.access_key,
        "AWS_SECRET_ACCESS_KEY": access.secret_key,
        "DOCFLEET_INCOMING_BUCKET": settings.incoming_bucket,
        "DOCFLEET_RESULTS_BUCKET": settings.results_bucket,
        **callback_url,
    }


def _servers(
    settings: FleetSettings, state: StateDir, ports: _StackPorts, access: S3Access
) -> list[Part]:
    secrets = state.secrets()
    redis = valkey_part(state.folder("redis"), port=ports.redis, password=secrets.redis_password)
    s3 = seaweed_part(
        state.folder("s3"),
        ports=ports.s3,
        access=access,
        buckets=(settings.incoming_bucket, settings.results_bucket, settings.work_bucket),
        events=EventsTo(
            f"http://{LOOPBACK}:{ports.watch}{EVENTS_PATH}",
            secrets.events_token,
            settings.incoming_bucket,
        ),
    )
    return [redis, s3]
