"""The load: documents dropped with a plain S3 client and submitted over HTTP.

Only the view of a claims system counts: its events, and the results that they name.
"""

from __future__ import annotations

import configparser
import json
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.compose.verify.errors import VerifyError
from infra.compose.verify.stack import ROOT, Stack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_T = TypeVar("_T")
_DOCUMENTS = ROOT / "demo" / "documents"
_NOTE = "Claim HM-{number}: hail broke two skylights on 3 May. Nobody was hurt."
_PATIENCE_SECONDS = 420
"""Maximum seconds without progress: a killed engine loads its model again."""
_PAUSE_SECONDS = 1.0


@dataclass
class Tally:
    """Outcome of one load.

    Attributes:
        jobs: Dropped jobs by URI, and submitted ones by id.
        ended: Number of reported ends, by job.
        results: The worker of each result object, by job.
    """

    jobs: set[str]
    ended: Counter[str] = field(default_factory=Counter)
    results: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> set[str]:
        """Return the jobs whose end nobody reported."""
        return self.jobs - self.ended.keys()


class Load:
    """Sends documents to a stack, and counts their events.

    Args:
        stack: The stack, up and healthy.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._api = f"http://127.0.0.1:{stack.ports['API_PORT']}"
        self._receiver = f"http://127.0.0.1:{stack.ports['RECEIVER_PORT']}"
        self._key = stack.secret("api_key")
        self._s3 = _s3_client(stack)
        self._uris: dict[str, str] = {}  # of each job, once its result was read
        self._workers: dict[str, str] = {}  # likewise

    def send(self, drops: int, submits: int) -> Tally:
        """Drop documents and submit others; return the tally of both, with no end yet."""
        run = secrets.token_hex(4)
        paths = sorted(path for path in _DOCUMENTS.rglob("*") if path.is_file())
        jobs = {self._drop(paths[n % len(paths)], f"{run}-{n}") for n in range(drops)}
        jobs |= {self._submit(f"{run}-{n}") for n in range(submits)}
        return Tally(jobs)

    def _drop(self, path: Path, name: str) -> str:
        key = f"{path.parent.name}/{name}/{path.name}"
        body = path.read_bytes()
        _again_and_again(lambda: self._s3.put_object(Bucket="incoming", Key=key, Body=body))
        return f"s3://incoming/{key}"

    def _submit(self, name: str) -> str:
        request = {"document": {"text": _NOTE.format(number=name)}, "tasks": ["summary"]}
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": name}

        def post() -> str:
            answer = httpx.post(f"{self._api}/v1/jobs", json=request, headers=headers, timeout=30)
            answer.raise_for_status()
            return str(answer.json()["id"])

        return _again_and_again(post)

    def await_first(self, tally: Tally) -> None:
        """Wait until the end of one job is reported: the load is then in progress."""
        self._await(tally, lambda: bool(tally.ended))

    def await_all(self, tally: Tally) -> None:
        """Wait until every job is reported, or long enough that the rest is lost."""
        self._await(tally, lambda: not tally.open)

    def _await(self, tally: Tally, done: Callable[[], bool]) -> None:
        seen, give_up_at = -1, monotonic() + _PATIENCE_SECONDS
        while True:
            self._look(tally)
            if done():
                return
            if len(tally.ended) != seen:
                seen, give_up_at = len(tally.ended), monotonic() + _PATIENCE_SECONDS
                self._stack.say(f"    {seen} of {len(tally.jobs)} jobs told of")
            if monotonic() >= give_up_at:
                return
            sleep(_PAUSE_SECONDS)

    def _look(self, tally: Tally) -> None:
        try:
            events = httpx.get(f"{self._receiver}/events", timeout=30).raise_for_status().json()
            found = Tally(tally.jobs)
            for event in events:
                self._count(event["data"], found)
        except (httpx.HTTPError, BotoCoreError, ClientError):
            return  # killed, and not back yet
        tally.ended, tally.results = found.ended, found.results

    def _count(self, data: dict[str, Any], tally: Tally) -> None:
        """Count an event; a drop is known by its document, which its result names."""
        uri = data.get("result_uri")
        if uri is not None and data["id"] not in self._uris:
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            result = json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            self._uris[data["id"]] = result["document"]["uri"]
            self._workers[data["id"]] = result["worker"]
        for name in (data["id"], self._uris.get(data["id"])):
            if name in tally.jobs:
                tally.ended[name] += 1
                if uri is not None:
                    tally.results[name] = self._workers[data["id"]]


def _again_and_again(send: Callable[[], _T]) -> _T:
    """Retry like a client, until the request is accepted."""
    give_up_at = monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return send()
        except (httpx.HTTPError, BotoCoreError, ClientError) as error:
            if monotonic() >= give_up_at:
                raise VerifyError(f"not taken: {error}") from error
            sleep(_PAUSE_SECONDS)


def _s3_client(stack: Stack) -> S3Client:
    credentials = configparser.ConfigParser()
    credentials.read_string(stack.secret("s3_credentials"))
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{stack.ports['S3_PORT']}",
        aws_access_key_id=credentials["default"]["aws_access_key_id"],
        aws_secret_access_key=credentials["default"]["aws_secret_access_key"],
        region_name="us-east-1",
        config=Config(proxies={}, s3={"addressing_style": "path"}),
    )
