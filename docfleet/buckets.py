"""Buckets of a fleet: created if missing, and tried out."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, sleep
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from docfleet.errors import BadUsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NOT_FOUND = 404
_PROBE_KEY = ".docfleet-probe"
_PAUSE_SECONDS = 0.5


def await_buckets(buckets: Sequence[str], *, patience_seconds: float) -> None:
    """Create buckets, as soon as the object store that boto3 finds answers correctly.

    Raises:
        BadUsageError: The object store refused, or did not answer until the end.
    """
    give_up_at = monotonic() + patience_seconds
    while True:
        try:
            client = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
            make_buckets(client, buckets)
        except (BotoCoreError, ClientError) as error:
            if monotonic() >= give_up_at:
                raise BadUsageError(f"the object store cannot be used: {error}") from error
        else:
            return
        sleep(_PAUSE_SECONDS)


def make_buckets(client: S3Client, buckets: Sequence[str]) -> None:
    """Create the missing buckets, and check that the last one stores an object.

    After a restart, SeaweedFS lists its buckets some moments before it can read an object.

    Raises:
        ClientError: The server refuses.
        BotoCoreError: The server does not answer.
    """
    for bucket in buckets:
        _make_bucket(client, bucket)
    _put_and_get(client, buckets[-1])


def _make_bucket(client: S3Client, bucket: str) -> None:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != _NOT_FOUND:
            raise
        client.create_bucket(Bucket=bucket)


def _put_and_get(client: S3Client, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key=_PROBE_KEY, Body=b"here")
    client.get_object(Bucket=bucket, Key=_PROBE_KEY)["Body"].read()
    client.delete_object(Bucket=bucket, Key=_PROBE_KEY)
