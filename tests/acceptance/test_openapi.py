"""Answers of the API, compared with its OpenAPI by a third-party fuzzer.

DOCFLEET_FUZZ_EXAMPLES in the environment asks for more examples of each operation.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from ledger.ledger import Ledger
from schemas.failure import Failure, FailureCode
from tests.fixtures.hand_worker import kill, succeed, task_result
from tests.fixtures.http_api import KEY, TEXT, submit
from tests.fixtures.servers import Buckets

EXAMPLES = os.getenv("DOCFLEET_FUZZ_EXAMPLES", "5")  # noqa: TID251  # no setting of docfleet's
CONFIG = Path(__file__).parent / "schemathesis.toml"
SECONDS = 3600


@pytest.mark.timeout(SECONDS)
async def test_no_request_gets_an_answer_that_openapi_does_not_allow(
    api: aiohttp.ClientSession,
    ledger: Ledger,
    s3: Buckets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No 5xx, no undocumented status, type, header or body; no wrong request is taken for right."""
    monkeypatch.setattr("producer.http.job_stream._STREAM_SECONDS", 0.2)
    # Hundreds of wrong keys come here, and each answer is to say what is wrong with it.
    monkeypatch.setattr("producer.access.throttle.Throttle.wait_seconds", lambda *_: 0.0)
    await submit(api, TEXT)
    done = (await submit(api, TEXT))["id"]
    await succeed(ledger, s3.results, done, {"summary": task_result({"summary": "Hail."})})
    dead = (await submit(api, TEXT))["id"]
    await kill(ledger, dead, Failure.of(FailureCode.DOCUMENT_EMPTY, "Empty."))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli",
        "--config-file", str(CONFIG), "run", str(api._build_url("/openapi.json")),
        "--header", f"Authorization: {KEY['Authorization']}",
        "--max-examples", EXAMPLES,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    told = output.decode()
    print(told)  # noqa: T201  # what to send to see a failure again
    assert process.returncode == 0, told[-8000:]
    (generated,) = re.findall(r"(\d+) generated", told)
    assert int(generated) > 100
