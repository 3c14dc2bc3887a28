"""The commands for results that a person should look at: `reviews`."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import JsonOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.age import AGE_METAVAR, parse_age
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError
from schemas.review import CorrectReview, Review, ReviewFilter, ReviewState

if TYPE_CHECKING:
    from producer.client import Client

reviews = typer.Typer(
    name="reviews",
    help="Results that a person should look at: list, take, accept, correct, export.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

JobArgument = Annotated[str, typer.Argument(help="Of the result.", metavar="ID")]
ReviewerOption = Annotated[
    str | None, typer.Option("--reviewer", help="Who reviews; this user unless named.")
]
FilterTenant = Annotated[str | None, typer.Option(help="Only this tenant's.", metavar="NAME")]
FilterTask = Annotated[str | None, typer.Option(help="Only of this task.", metavar="NAME")]
_COLUMNS = "{:<28}  {:<9}  {:<20}  {:<12}  {}"


@reviews.command("list")
@grouped
@explained()
def list_reviews(
    stack: TargetStack,
    *,
    state: Annotated[ReviewState | None, typer.Option(help="In this state.")] = None,
    tenant: FilterTenant = None,
    task: FilterTask = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum reviews.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List reviews, the newest first: job, state, since when, who, first reason.

    Exit codes: 0 listed. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    which = ReviewFilter(state=state, tenant=tenant, task=task)
    page = stack.call(lambda client: client.reviews.page(which, limit=limit))
    if as_json:
        for review in page.items:
            say(json.dumps(review.public(), ensure_ascii=False))
        return
    say(_COLUMNS.format("JOB", "STATE", "SINCE", "REVIEWER", "REASON"))
    for review in page.items:
        say(_line(review))


@reviews.command()
@grouped
@explained()
def take(
    stack: TargetStack,
    job_id: JobArgument,
    *,
    reviewer: ReviewerOption = None,
    hold: Annotated[
        timedelta, typer.Option("--for", parser=parse_age, help="So long.", metavar=AGE_METAVAR)
    ] = timedelta(minutes=15),
) -> None:
    """Keep a review from other reviewers for a while, and show its reasons.

    Exit codes: 0 taken. 1 there is none, it is completed, or another reviewer holds it. 2 bad
    usage or configuration. 3 no stack is running, or its Redis does not answer.
    """
    seconds, name = hold.total_seconds(), reviewer or _user()
    review = stack.call(lambda client: client.reviews.take(job_id, name, seconds))
    say(_line(review))
    for reason in review.reasons:
        say(f"  {reason}")


@reviews.command()
@grouped
@explained()
def accept(stack: TargetStack, job_id: JobArgument, *, reviewer: ReviewerOption = None) -> None:
    """Say that a result is right as it is.

    Exit codes: as of `take`.
    """
    name = reviewer or _user()
    say(_line(stack.call(lambda client: client.reviews.accept(job_id, name))))


@reviews.command()
@grouped
@explained()
def correct(
    stack: TargetStack,
    job_id: JobArgument,
    task: Annotated[str, typer.Argument(help="Whose values are wrong.", metavar="TASK")],
    values: Annotated[
        list[str],
        typer.Argument(
            help="JSON pointer and right value, as JSON or text.", metavar="/PLACE=VALUE"
        ),
    ],
    *,
    reviewer: ReviewerOption = None,
) -> None:
    """Correct values of a result; the correction is stored beside it.

    Exit codes: as of `take`; 2 for a place that is not there or a value that is not valid, too.
    """
    body = CorrectReview(reviewer=reviewer or _user(), values={task: dict(map(_value, values))})
    review = stack.call(lambda client: client.reviews.correct(job_id, body))
    say(_line(review))
    say(f"  {review.correction_uri}")


@reviews.command()
@grouped
@explained()
def export(
    stack: TargetStack,
    *,
    tenant: FilterTenant = None,
    task: FilterTask = None,
    newer_than: Annotated[
        timedelta | None,
        typer.Option(parser=parse_age, help="Opened since then.", metavar=AGE_METAVAR),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to; standard output unless named.", metavar="FILE")
    ] = None,
) -> None:
    """Write completed reviews as JSON lines, for training and for evaluation.

    Each line is one task of one result: what was read, what the engine gave and what is right.

    Exit codes: 0 written. 2 bad usage or configuration. 3 no stack is running, or its Redis or
    object store does not answer.
    """
    from docfleet.commands.actions.review_lines import review_lines

    after = datetime.now(UTC) - newer_than if newer_than else None
    which = ReviewFilter(tenant=tenant, task=task, after=after)

    async def written(client: Client) -> int:
        lines = review_lines(client, which, task)
        if out is None:
            return await _write(lines, say)
        with out.open("w", encoding="utf-8") as file:
            return await _write(lines, lambda line: file.write(f"{line}\n"))

    count = stack.call(written)
    if out is not None:
        say(f"{out}  {count:,} line{'' if count == 1 else 's'}")


async def _write(lines: AsyncIterator[dict[str, Any]], write: Any) -> int:
    count = 0
    async for line in lines:
        write(json.dumps(line, ensure_ascii=False))
        count += 1
    return count


def _line(review: Review) -> str:
    more = len(review.reasons) - 1
    return _COLUMNS.format(
        review.job_id,
        review.state,
        f"{review.completed_at or review.opened_at:%Y-%m-%d %H:%M:%S}",
        review.reviewer or "-",
        review.reasons[0] + (f" (and {more} more)" if more > 0 else ""),
    ).rstrip()


def _value(text: str) -> tuple[str, Any]:
    place, equals, value = text.partition("=")
    if not equals or (place and not place.startswith("/")):
        raise BadUsageError(f"{text!r} is not of the form /PLACE=VALUE")
    with suppress(ValueError):
        return place, json.loads(value)
    return place, value


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(reviews)
