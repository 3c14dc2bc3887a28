"""The demo in containers: one document into the bucket, and the event that a claims system gets.

It runs inside the stack, with a plain S3 client and plain HTTP.
"""

from __future__ import annotations

import json
import sys
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep
from typing import Any

import boto3

_PATIENCE_SECONDS = 600
_PAUSE_SECONDS = 0.5


def main(document: Path, bucket: str) -> int:
    """Drop the document, wait for its event, and show event and result; return the exit code."""
    key = f"{document.parent.name}/{token_hex(4)}/{document.name}"
    s3 = boto3.client("s3")
    started = monotonic()
    s3.put_object(Bucket=bucket, Key=key, Body=document.read_bytes())
    _say(f"dropped s3://{bucket}/{key}")
    seen: set[str] = set()
    while monotonic() < started + _PATIENCE_SECONDS:
        for event in _events():
            uri = event["data"].get("result_uri")
            if uri is None or uri in seen:
                continue
            seen.add(uri)
            results, _, name = uri.removeprefix("s3://").partition("/")
            result = json.loads(s3.get_object(Bucket=results, Key=name)["Body"].read())
            if result["document"]["uri"] == f"s3://{bucket}/{key}":
                _say(f"\nthe claims system was told, after {monotonic() - started:.1f} s:")
                _say(json.dumps(event, indent=2))
                _say(f"\n{uri}:")
                _say(json.dumps(result["tasks"], indent=2, ensure_ascii=False))
                return 0
        sleep(_PAUSE_SECONDS)
    _say(f"nobody was told of it within {_PATIENCE_SECONDS} s: see docker compose logs")
    return 1


def _events() -> list[dict[str, Any]]:
    connection = HTTPConnection("receiver", 8080, timeout=10)
    connection.request("GET", "/events")
    events: list[dict[str, Any]] = json.loads(connection.getresponse().read())
    connection.close()
    return events


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
