"""`docfleet eval` as a user types it, on real servers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from docfleet.evaluation.report import Report
from ledger.ledger import Ledger
from schemas.failure import Failure, FailureCode
from tests.fixtures.command import Command, Done
from tests.fixtures.hand_worker import kill, succeed, task_result
from tests.fixtures.servers import Buckets

TRUTHS = {
    "a.txt": {"insured_name": "Ann Poe", "policy_number": "P-1", "claim_number": None},
    "b.txt": {"insured_name": "Bea Roe", "policy_number": "P-2", "colour": "red"},
    "c.txt": {"insured_name": "Cy Doe"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Documents and their truths."""
    for name, truth in TRUTHS.items():
        (tmp_path / name).write_text(f"A document {name}.")
        (tmp_path / name).with_suffix(".json").write_text(json.dumps(truth))
    return tmp_path


async def _work(ledger: Ledger, bucket: str, valkey_url: str) -> None:
    """End each job: one right, one half right, one dead."""
    ended: set[str] = set()
    async with Redis.from_url(valkey_url, decode_responses=True) as redis, asyncio.timeout(60):
        while len(ended) < len(TRUTHS):
            keys = [key async for key in redis.scan_iter("docfleet:record:job_*")]
            new = {key.rpartition(":")[2] for key in keys} - ended
            async with asyncio.TaskGroup() as group:  # one may have to wait for another's end
                for job_id in new:
                    group.create_task(_end(ledger, bucket, job_id))
            ended |= new
            await asyncio.sleep(0.05)


async def _end(ledger: Ledger, bucket: str, job_id: str) -> None:
    job = await ledger.job(job_id)
    assert job is not None
    name = job.document.name or ""
    if name == "c.txt":
        await kill(ledger, job_id, Failure.of(FailureCode.DOCUMENT_ENCRYPTED, "It is."))
        return
    data = {**TRUTHS[name], "insured_name": "Ann Poe"}
    task = task_result(data).model_copy(update={"confidence": {"/insured_name": 0.5}})
    await succeed(ledger, bucket, job_id, {"fnol": task})


async def _evaluated(
    docfleet: Command, ledger: Ledger, bucket: str, valkey_url: str, *words: str
) -> Done:
    command = asyncio.create_task(docfleet("eval", "fnol", *words))
    await _work(ledger, bucket, valkey_url)
    return await command


async def test_results_are_scored_and_written_and_compared(
    docfleet: Command, ledger: Ledger, s3: Buckets, valkey_url: str, folder: Path
) -> None:
    """A dead letter's values are missed; fields that the task does not ask for are named."""
    words = (
        "--documents", str(folder), "--truth", str(folder), "--json", str(folder / "run"),
        "--calibrate", "--plot", str(folder / "run.png"),
    )  # fmt: skip
    done = await _evaluated(docfleet, ledger, s3.results, valkey_url, *words)
    assert (done.code, done.err) == (0, "")
    assert "/insured_name" in done.out
    assert "does not ask for: /colour" in done.out
    report = Report.model_validate_json((folder / "run").read_bytes())
    assert report.states == {"succeeded": 2, "dead": 1}
    assert report.figures["recall"].value == 3 / 5
    assert report.figures["precision"].value == 3 / 4
    assert [one.failure for one in report.documents] == [None, None, "document.encrypted"]
    assert report.subject.engine is not None
    assert (folder / "run.png").read_bytes().startswith(b"\x89PNG")
    async with Redis.from_url(valkey_url) as redis:
        await redis.flushdb()
    words = (*words[:4], "--compare", str(folder / "run"))
    done = await _evaluated(docfleet, ledger, s3.results, valkey_url, *words)
    assert done.code == 0
    assert "change" in done.out
    assert "+0.000" in done.out


async def test_what_is_not_scored_in_time_is_exit_code_5(docfleet: Command, folder: Path) -> None:
    """The scores are there: what is missing counts as missed."""
    words = ("--documents", str(folder), "--truth", str(folder), "--timeout", "0.3")
    done = await docfleet("eval", "fnol", *words, "--json", str(folder / "run"))
    assert done.code == 5
    assert "3 jobs had not ended" in done.err
    assert Report.model_validate_json((folder / "run").read_bytes()).states == {"running": 3}


async def test_bad_usage_is_one_line_and_no_job(
    docfleet: Command, ledger: Ledger, folder: Path
) -> None:
    """An unknown task, a missing folder, and a comparison with what is no report."""
    for task, documents, more in (
        ("fnoll", folder, ()),
        ("fnol", folder / "none", ()),
        ("fnol", folder, ("--compare", str(folder / "a.json"))),
    ):
        words = ("--documents", str(documents), "--truth", str(folder), *more)
        done = await docfleet("eval", task, *words)
        assert done.code == 2
        assert len(done.err.splitlines()) == 1
    assert (await ledger.depth()).queues == ()
