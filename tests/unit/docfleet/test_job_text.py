"""How jobs look on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from docfleet.commands.texts.job import job_line, job_rows
from schemas.document import DocumentRef
from schemas.failure import FAILURES, Failure, FailureCode
from schemas.job import Attempt, Job, Priority
from schemas.states import JobState, Stage

NOW = datetime(2025, 5, 3, 12, tzinfo=UTC)
FAILURE = Failure.of(FailureCode.DOCUMENT_ENCRYPTED, "PDFium wants\na password")
JOB = Job(
    id="job_" + "a" * 24,
    state=JobState.DEAD,
    stage=Stage.PREPARE,
    queue="prepare",
    tenant="default",
    tasks=("fnol",),
    document=DocumentRef(uri="s3://work/documents/0.pdf", name="claim.pdf"),
    priority=Priority.NORMAL,
    metadata={},
    attempts=1,
    created_at=NOW,
    updated_at=NOW,
    closed_at=NOW,
    failure=FAILURE,
    history=(Attempt(at=NOW, stage=Stage.PREPARE, number=1, worker="w1", failure=FAILURE),),
)


def test_a_dead_letter_is_one_line_with_code_message_and_remedy() -> None:
    """Even where the message has several lines and no full stop."""
    remedy = FAILURES[FailureCode.DOCUMENT_ENCRYPTED].remedy
    line = job_line(JOB, "claim.pdf")
    assert line.endswith(f"  dead  document.encrypted: PDFium wants a password. {remedy}")


def test_a_job_without_failure_says_where_its_result_lies() -> None:
    """Document and result, or the document alone while there is none."""
    done = JOB.model_copy(
        update={"failure": None, "state": JobState.SUCCEEDED, "result_uri": "s3://results/r.json"}
    )
    waiting = JOB.model_copy(update={"failure": None, "state": JobState.QUEUED})
    assert job_line(done, "claim.pdf").endswith("  succeeded  claim.pdf -> s3://results/r.json")
    assert job_line(waiting, "claim.pdf").endswith("  queued  claim.pdf")


def test_the_rows_of_a_job_tell_its_attempts_and_its_failure() -> None:
    """Each in a row of its own."""
    rows = list(job_rows(JOB))
    assert rows[0] == f"{JOB.id}  dead"
    assert any("attempts 1" in row for row in rows)
    assert any("w1" in row for row in rows)
    assert any(FAILURE.remedy in row for row in rows)
    assert all("\n" not in row for row in rows)
