"""The HTTP API's routes to reviews. What they do is in reviews.py."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from producer.http.dependencies import ClientOfApp, JobId, Operates, Reads
from producer.http.pages import ApiPage, PageQuery, page_response
from producer.http.problem import EVERYWHERE, documented
from schemas.review import AcceptReview, CorrectReview, Review, ReviewFilter, TakeReview

_MISFITS = documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
_CORRECTION_EXAMPLES = {
    "value": {
        "summary": "One value is wrong",
        "value": {"reviewer": "jane", "values": {"fnol": {"/estimated_loss": "$1,200.00"}}},
    },
    "row": {
        "summary": "A row is missing",
        "value": {
            "reviewer": "jane",
            "values": {"loss-run": {"/rows/-": {"claim_number": "HM-1"}}},
        },
    },
}

reviews = APIRouter(prefix="/v1/reviews", tags=["reviews"], responses=EVERYWHERE)


class ReviewQuery(PageQuery, ReviewFilter):
    """Which reviews are meant, and which page of them."""


class ReviewList(ApiPage[Review]):
    """A page of reviews, the newest first."""


@reviews.get(
    "",
    operation_id="listReviews",
    summary="Results that a person should look at, the newest first",
    response_model=ReviewList,
    responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def list_reviews(
    query: Annotated[ReviewQuery, Query()], client: ClientOfApp, asker: Reads
) -> Response:
    """List reviews that meet all conditions; one whose time is over is open again."""
    which = query.model_copy(update={"tenant": asker.narrowed(query.tenant)})
    return page_response(await client.reviews.page(which, after=query.cursor, limit=query.limit))


@reviews.get(
    "/{job_id}",
    operation_id="getReview",
    summary="The review of a job's result",
    response_model_exclude_none=True,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def get_review(job_id: JobId, client: ClientOfApp, asker: Reads) -> Review:
    """Return its state and its reasons."""
    return await client.reviews.get(job_id, asker.tenant)


@reviews.post(
    "/{job_id}/take",
    operation_id="takeReview",
    summary="Keep a review from other reviewers for a while",
    response_model_exclude_none=True,
    responses=_MISFITS,
)
async def take_review(
    job_id: JobId, body: TakeReview, client: ClientOfApp, asker: Operates
) -> Review:
    """Take a review; its holder may take it again, for longer."""
    return await client.reviews.take(job_id, body.reviewer, body.seconds, asker.tenant)


@reviews.post(
    "/{job_id}/accept",
    operation_id="acceptReview",
    summary="Say that a result is right as it is",
    response_model_exclude_none=True,
    responses=_MISFITS,
)
async def accept_review(
    job_id: JobId, body: AcceptReview, client: ClientOfApp, asker: Operates
) -> Review:
    """Complete a review that nobody else holds; `review.completed` is sent."""
    return await client.reviews.accept(job_id, body.reviewer, asker.tenant)


@reviews.post(
    "/{job_id}/correct",
    operation_id="correctReview",
    summary="Correct values of a result",
    response_model_exclude_none=True,
    responses=_MISFITS,
)
async def correct_review(
    job_id: JobId,
    body: Annotated[CorrectReview, Body(openapi_examples=_CORRECTION_EXAMPLES)],
    client: ClientOfApp,
    asker: Operates,
) -> Review:
    """Store the values before and after beside the result, which stays as it is."""
    return await client.reviews.correct(job_id, body, asker.tenant)
