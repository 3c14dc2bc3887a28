"""`docfleet submit` and `docfleet job` as a user types them, on real servers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ledger.ledger import Ledger
from schemas.failure import FAILURES, Failure, FailureCode
from schemas.job import Job
from schemas.result import JobResult
from schemas.states import JobState
from settings.environment import server_environment
from tests.fixtures.command import Command, run_command
from tests.fixtures.hand_worker import claim, kill, succeed, task_result
from tests.fixtures.servers import Buckets

CONTENT = b"%PDF-1.7 claim"
ENCRYPTED = Failure.of(FailureCode.DOCUMENT_ENCRYPTED, "It asks for a password.")


@pytest.fixture
def claim_pdf(tmp_path: Path) -> Path:
    """A document; what it holds does not matter to a submit."""
    path = tmp_path / "claim 1.PDF"
    path.write_bytes(CONTENT)
    return path


async def _jobs(valkey_url: str, count: int) -> list[str]:
    """Return the ids of all jobs, as soon as there are enough."""
    async with Redis.from_url(valkey_url, decode_responses=True) as redis, asyncio.timeout(60):
        while True:
            keys = [key async for key in redis.scan_iter("docfleet:record:job_*")]
            if len(keys) >= count:
                return [key.rpartition(":")[2] for key in keys]
            await asyncio.sleep(0.05)


async def _job(ledger: Ledger, job_id: str) -> Job:
    job = await ledger.job(job_id)
    assert job is not None
    return job


async def test_a_file_is_uploaded_and_submitted_with_all_that_was_said(
    docfleet: Command, ledger: Ledger, s3: Buckets, claim_pdf: Path
) -> None:
    """The object is outside the watched prefixes, under its sha256, with the user's file name."""
    done = await docfleet(
        "submit", str(claim_pdf), "--task", "fnol", "--task", "summary", "--priority", "high",
        "--metadata", "claim=HM-1", "--metadata", "note=a=b",
        "--callback", "https://claims.example/docfleet",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    job_id, state, *_ = done.out.split()
    assert state == "queued"
    job = await _job(ledger, job_id)
    bucket, _, key = job.document.uri.removeprefix("s3://").partition("/")
    assert (bucket, Path(key).suffix, job.document.name) == (s3.work, ".pdf", "claim 1.PDF")
    stored = s3.client.get_object(Bucket=bucket, Key=key)
    assert stored["Body"].read() == CONTENT
    assert stored["ContentType"] == "application/pdf"
    assert job.tasks == ("fnol", "summary")
    assert job.metadata == {"claim": "HM-1", "note": "a=b"}
    assert str(job.callback and job.callback.url) == "https://claims.example/docfleet"
    assert s3.client.list_objects_v2(Bucket=s3.incoming)["KeyCount"] == 0


async def test_several_documents_become_a_job_each(
    docfleet: Command, ledger: Ledger, claim_pdf: Path
) -> None:
    """Files and objects of a bucket; with --json a line for each."""
    done = await docfleet("submit", str(claim_pdf), "s3://b/a b+%.pdf", "--task", "fnol", "--json")
    assert done.code == 0
    jobs = [Job.model_validate_json(line) for line in done.out.splitlines()]
    assert "s3://b/a b+%.pdf" in {job.document.uri for job in jobs}
    for job in jobs:
        assert (await _job(ledger, job.id)) == job


async def test_what_cannot_be_submitted_is_one_line_and_an_exit_code_and_no_job(
    docfleet: Command, ledger: Ledger, claim_pdf: Path, tmp_path: Path
) -> None:
    """2 for usage, 4 for documents; the other documents of the command are not submitted either."""
    empty, fine = tmp_path / "empty.pdf", str(claim_pdf)
    empty.touch()
    fnol = ("--task", "fnol")
    for code, reason, *words in [
        (4, "does not exist", fine, str(tmp_path / "no.pdf"), *fnol),
        (4, "is empty", fine, str(empty), *fnol),
        (4, "is no file", str(tmp_path), *fnol),
        (2, "call-summary, document-class, fnol", fine, "--task", "no-such"),
        (2, "s3://bucket/key", "https://claims.example/a.pdf", *fnol),
        (2, "s3://bucket/key", "s3://bucket", *fnol),
        (2, "callback.url", fine, *fnol, "--callback", "nonsense"),
        (2, "KEY=VALUE", fine, *fnol, "--metadata", "claim"),
        (2, "once", fine, *fnol, *fnol),
        (2, "does not exist", fine, *fnol, "--config", str(tmp_path / "no.toml")),
    ]:
        done = await docfleet("submit", *map(str, words))
        assert (done.code, done.out) == (code, ""), done
        assert str(reason) in done.err
        assert len(done.err.splitlines()) == 1, done.err
    assert (await ledger.depth()).queues == ()


async def test_waiting_ends_with_the_result(
    docfleet: Command, ledger: Ledger, s3: Buckets, valkey_url: str, claim_pdf: Path
) -> None:
    """Exit code 0, the state, where the result lies, and what each task made."""
    waiting = asyncio.create_task(docfleet("submit", str(claim_pdf), "--task", "fnol", "--wait"))
    (job_id,) = await _jobs(valkey_url, 1)
    await succeed(ledger, s3.results, job_id, {"fnol": task_result({"claim_number": "HM-1"})})
    done = await waiting
    assert (done.code, done.err) == (0, "")
    first, *rest = done.out.splitlines()
    assert first == f"{job_id}  succeeded  {claim_pdf} -> s3://{s3.results}/{job_id}.json"
    assert json.loads("\n".join(rest).removeprefix("fnol: ")) == {"claim_number": "HM-1"}


async def test_waiting_with_json_prints_job_and_result(
    docfleet: Command, ledger: Ledger, s3: Buckets, valkey_url: str, claim_pdf: Path
) -> None:
    """One object, on one line."""
    waiting = asyncio.create_task(
        docfleet("submit", str(claim_pdf), "--task", "fnol", "--wait", "--json")
    )
    (job_id,) = await _jobs(valkey_url, 1)
    made = await succeed(ledger, s3.results, job_id, {"fnol": task_result({"claim": "é"})})
    done = await waiting
    printed = json.loads(done.out)
    assert JobResult.model_validate(printed.pop("result")) == made
    assert Job.model_validate(printed) == await _job(ledger, job_id)


async def test_a_dead_letter_is_one_line_with_the_remedy_and_exit_code_1(
    docfleet: Command, ledger: Ledger, valkey_url: str, claim_pdf: Path
) -> None:
    """And so it is when `docfleet job` is asked later, which ends well."""
    waiting = asyncio.create_task(docfleet("submit", str(claim_pdf), "--task", "fnol", "--wait"))
    (job_id,) = await _jobs(valkey_url, 1)
    await kill(ledger, job_id, ENCRYPTED)
    done = await waiting
    remedy = FAILURES[FailureCode.DOCUMENT_ENCRYPTED].remedy
    line = f"dead  document.encrypted: It asks for a password. {remedy}"
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [f"{job_id}  {line}"]
    shown = await docfleet("job", job_id)
    assert shown.code == 0
    assert remedy in shown.out
    as_json = await docfleet("job", job_id, "--json")
    assert Job.model_validate_json(as_json.out) == await _job(ledger, job_id)


async def test_a_partial_success_keeps_what_there_is_and_names_what_failed(
    docfleet: Command, ledger: Ledger, s3: Buckets, valkey_url: str, claim_pdf: Path
) -> None:
    """Exit code 1: not all that was asked for is there."""
    words = ("submit", str(claim_pdf), "--task", "fnol", "--task", "summary", "--wait")
    waiting = asyncio.create_task(docfleet(*words))
    (job_id,) = await _jobs(valkey_url, 1)
    failure = Failure.of(FailureCode.OUTPUT_INVALID, "It is no JSON.", "summary")
    tasks = {"fnol": task_result({"claim": "HM-1"}), "summary": task_result(failure=failure)}
    await succeed(ledger, s3.results, job_id, tasks)
    done = await waiting
    assert done.code == 1
    assert "partially_succeeded" in done.out
    assert "HM-1" in done.out
    assert "summary: output.invalid: It is no JSON." in done.out


async def test_waiting_has_an_end(docfleet: Command, ledger: Ledger, claim_pdf: Path) -> None:
    """Exit code 5 where no worker comes; the job stays and is named."""
    words = ("submit", str(claim_pdf), "--task", "fnol", "--wait", "--timeout", "0.3")
    done = await docfleet(*words)
    assert done.code == 5
    assert len(done.err.splitlines()) == 1
    job_id, state, *_ = done.out.split()
    assert state == "queued"
    assert (await _job(ledger, job_id)).state is JobState.QUEUED


async def test_a_job_is_cancelled_once_and_has_no_result(
    docfleet: Command, ledger: Ledger, claim_pdf: Path
) -> None:
    """Exit code 1 for what cannot be given."""
    submitted = await docfleet("submit", str(claim_pdf), "--task", "fnol", "--json")
    job_id = json.loads(submitted.out)["id"]
    pending = await docfleet("job", job_id, "--result")
    assert (pending.code, pending.out) == (1, "")
    assert "no result yet: it is queued" in pending.err
    cancelled = await docfleet("job", job_id, "--cancel", "--json")
    assert (cancelled.code, json.loads(cancelled.out)["state"]) == (0, "cancelled")
    dead = json.loads((await docfleet("submit", str(claim_pdf), "--task", "fnol", "--json")).out)
    await kill(ledger, dead["id"], ENCRYPTED)
    refused = await docfleet("job", dead["id"], "--cancel")
    assert refused.code == 1
    assert "it is dead" in refused.err


async def test_a_result_can_be_fetched_later(
    docfleet: Command, ledger: Ledger, s3: Buckets, claim_pdf: Path
) -> None:
    """The result is printed as it lies in the bucket."""
    submitted = await docfleet("submit", str(claim_pdf), "--task", "fnol", "--json")
    job_id = json.loads(submitted.out)["id"]
    made = await succeed(ledger, s3.results, job_id, {"fnol": task_result({"claim": "é"})})
    done = await docfleet("job", job_id, "--result")
    assert done.code == 0
    assert JobResult.model_validate_json(done.out) == made


async def test_a_job_that_is_not_there_is_exit_code_1(docfleet: Command) -> None:
    """In one line."""
    done = await docfleet("job", "job_" + "0" * 24)
    assert (done.code, len(done.err.splitlines())) == (1, 1)


async def test_no_stack_is_exit_code_3(tmp_path: Path, claim_pdf: Path) -> None:
    """Nothing runs in the state directory and nothing is named."""
    words = ("submit", str(claim_pdf), "--task", "fnol", "--state-dir", str(tmp_path / "none"))
    done = await run_command(server_environment({}), *words)
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "docfleet up" in done.err


async def test_servers_that_do_not_answer_are_exit_code_3(
    environment: dict[str, str], claim_pdf: Path, unused_tcp_port: int
) -> None:
    """Redis or the object store: one line, and no hanging."""
    nowhere = f"127.0.0.1:{unused_tcp_port}"
    for name, value in (
        ("DOCFLEET_REDIS_URL", f"redis://{nowhere}/0"),
        ("AWS_ENDPOINT_URL_S3", f"http://{nowhere}"),
    ):
        words = ("submit", str(claim_pdf), "--task", "fnol", "--wait")
        done = await run_command({**environment, name: value}, *words)
        assert done.code == 3, done
        assert len(done.err.splitlines()) == 1, done.err


async def test_a_job_that_is_cancelled_while_it_is_waited_for_is_exit_code_1(
    docfleet: Command, ledger: Ledger, valkey_url: str, claim_pdf: Path
) -> None:
    """Cancelled by its worker, as somebody else asked."""
    waiting = asyncio.create_task(docfleet("submit", str(claim_pdf), "--task", "fnol", "--wait"))
    (job_id,) = await _jobs(valkey_url, 1)
    held = await claim(ledger, job_id)
    await ledger.cancel(job_id)
    await ledger.finish(held, JobState.CANCELLED)
    done = await waiting
    assert done.code == 1
    assert done.out.startswith(f"{job_id}  cancelled")
