"""Routes to dead letters, which producer/dead_letters.py implements."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import BaseModel, ConfigDict

from producer.dead_letters import Refusal
from producer.http.dependencies import ClientOfApp, JobId, Operates, Reads
from producer.http.pages import ApiPage, PageQuery, page_response
from producer.http.problem import EVERYWHERE, documented
from schemas.dead_letter import DeadLetter, DeadLetterFilter, Redrive
from schemas.ids import RecordKind, record_kind
from schemas.job import Job
from schemas.states import JobState

_REDRIVE = Redrive()
_REDRIVE_EXAMPLES = {
    "as it was": {"summary": "As it was", "value": {}},
    "pool": {"summary": "On a pool with more memory", "value": {"pool": "a100"}},
    "version": {"summary": "With a mended task", "value": {"versions": {"fnol": "2"}}},
}
_BULK_EXAMPLES = {
    "code": {
        "summary": "All that ran out of memory since a time",
        "value": {
            "code": "engine.out_of_memory",
            "after": "2025-05-03T12:00:00Z",
            "pool": "a100",
        },
    },
}
_MISFITS = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)

LetterId = Annotated[str, Path(examples=["job_6f0c2f1c5e0c4d0b8a7d9e3f"])]
HowToRedrive = Annotated[Redrive | None, Body(openapi_examples=_REDRIVE_EXAMPLES)]

dead_letters = APIRouter(
    tags=["dead letters"],
    responses=EVERYWHERE,
)


class DeadLetterQuery(PageQuery, DeadLetterFilter):
    """Filter and page of dead letters."""


class DeadLetterList(ApiPage[DeadLetter]):
    """A page of dead letters, the newest first."""


class BulkRedrive(DeadLetterFilter, Redrive):
    """Filter and terms of a redrive; with no condition, all dead letters."""


class Redriven(BaseModel):
    """Count of the redriven letters."""

    redriven: int


class RedrivenDelivery(BaseModel):
    """A delivery that was sent round again."""

    model_config = ConfigDict(extra="forbid")

    id: str
    state: JobState


@dead_letters.get(
    "/v1/dead-letters",
    operation_id="listDeadLetters",
    summary="What will not be tried again by itself, the newest first",
    response_model=DeadLetterList,
    responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def list_dead_letters(
    query: Annotated[DeadLetterQuery, Query()], client: ClientOfApp, asker: Reads
) -> Response:
    """List dead letters that meet all conditions; pages stay right while entries vanish."""
    which = query.model_copy(update={"tenant": asker.narrowed(query.tenant)})
    page = await client.dead_letters.page(which, after=query.cursor, limit=query.limit)
    return page_response(page)


@dead_letters.get(
    "/v1/dead-letters/{letter_id}",
    operation_id="getDeadLetter",
    summary="All about one dead letter",
    response_model_exclude_none=True,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def get_dead_letter(letter_id: LetterId, client: ClientOfApp, asker: Reads) -> DeadLetter:
    """Return a dead letter: its failure, its attempts and its remedy."""
    return await client.dead_letters.get(letter_id, asker.tenant)


@dead_letters.post(
    "/v1/dead-letters/redrive",
    operation_id="redriveDeadLetters",
    summary="Send all that meet a filter round again",
    responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def redrive_dead_letters(
    body: Annotated[BulkRedrive, Body(openapi_examples=_BULK_EXAMPLES)],
    client: ClientOfApp,
    asker: Operates,
) -> Redriven:
    """Redrive the letters that are dead now; those of a redrive meanwhile are not counted."""
    client.dead_letters.check(body)
    which = body.model_copy(update={"tenant": asker.narrowed(body.tenant)})
    ids = [letter.id async for letter in client.dead_letters.each(which)]
    redriven = [one async for one in client.dead_letters.redrive_many(ids, body, _leave)]
    return Redriven(redriven=len(redriven))


@dead_letters.post(
    "/v1/dead-letters/{letter_id}/redrive",
    operation_id="redriveDeadLetter",
    summary="Send a dead letter round again",
    status_code=HTTPStatus.ACCEPTED,
    response_model_exclude_none=True,
    responses=documented(*_MISFITS),
)
async def redrive_dead_letter(
    letter_id: LetterId, client: ClientOfApp, asker: Operates, how: HowToRedrive = None
) -> Job | RedrivenDelivery:
    """Redrive one letter; tasks that succeeded run again only if another version is asked for."""
    await client.dead_letters.redrive(letter_id, how or _REDRIVE, asker.tenant)
    if record_kind(letter_id) is RecordKind.JOB:
        return await client.job(letter_id)
    return RedrivenDelivery(id=letter_id, state=JobState.QUEUED)


@dead_letters.delete(
    "/v1/dead-letters/{letter_id}",
    operation_id="dropDeadLetter",
    summary="Drop a dead letter",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def drop_dead_letter(letter_id: LetterId, client: ClientOfApp, asker: Operates) -> None:
    """Drop a letter: it counts as cancelled, without notice; the document is not touched."""
    await client.dead_letters.drop(letter_id, asker.tenant)


@dead_letters.post(
    "/v1/jobs/{job_id}/redrive",
    operation_id="redriveJob",
    summary="Send a dead or partially succeeded job round again",
    status_code=HTTPStatus.ACCEPTED,
    response_model_exclude_none=True,
    responses=documented(*_MISFITS),
)
async def redrive_job(
    job_id: JobId, client: ClientOfApp, asker: Operates, how: HowToRedrive = None
) -> Job:
    """Run only the tasks that did not succeed; the result object is replaced at the end."""
    await client.job(job_id, asker.tenant)
    await client.dead_letters.redrive(job_id, how or _REDRIVE)
    return await client.job(job_id)


def _leave(_refusal: Refusal) -> None:
    """Ignore a letter that somebody else changed; it is not counted."""
