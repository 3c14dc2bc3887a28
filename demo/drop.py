"""Dropping documents with a plain S3 client that knows nothing of docfleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def s3_client(env: Mapping[str, str]) -> S3Client:
    """A boto3 client of the stack's object store."""
    return boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )


def drop(env: Mapping[str, str], folder: Path, names: Iterable[str], run: str) -> dict[str, str]:
    """Put each document under its prefix, in a folder of this run.

    Args:
        env: The stack's endpoints and credentials.
        folder: Folder of the documents.
        names: Paths below it, such as `fnol/auto-collision.pdf`.
        run: Mark that separates this run's drops from those of earlier runs.

    Returns:
        By URI, the document's name.
    """
    client = s3_client(env)
    bucket = env["DOCFLEET_INCOMING_BUCKET"]
    dropped = {}
    for name in names:
        prefix, _, file = name.partition("/")
        key = f"{prefix}/{run}/{file}"
        client.put_object(Bucket=bucket, Key=key, Body=(folder / name).read_bytes())
        dropped[f"s3://{bucket}/{key}"] = name
    return dropped
