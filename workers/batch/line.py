"""One line of a batch's input file, read: a job for a pool, or what is wrong with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from schemas.openai.batch import BatchError
from schemas.openai.batch_line import BatchLine
from schemas.openai.chat import ChatRequestError, chat_request
from schemas.queues import infer_queue
from settings.chat_models import ChatModels


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line as it lies in the file.

    Attributes:
        number: From 1.
        offset: In bytes.
        data: Without its end.
        after: Where the next line begins, in bytes.
    """

    number: int
    offset: int
    data: bytes
    after: int


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line whose form is right.

    Attributes:
        custom_id: Its owner's name for it.
        queue: Of the pool that runs it; None where its request is not served.
        refusal: Why it is not.
    """

    custom_id: str
    queue: str | None
    refusal: ChatRequestError | None = None


def read_line(raw: RawLine, endpoint: str, models: ChatModels) -> ReadLine | BatchError:
    """Read a line.

    A request that is not served fails alone. What makes it doubtful that the file was meant so, no
    JSON, another endpoint or an unknown model, is wrong with the batch.

    Args:
        raw: The line.
        endpoint: Of the batch.
        models: Who can be asked.
    """
    try:
        line = BatchLine.model_validate_json(raw.data)
    except ValidationError as error:
        return _form_error(raw.number, error)
    if line.method != "POST" or line.url != endpoint:
        param = "url" if line.method == "POST" else "method"
        return BatchError(
            code=f"invalid_{param}",
            message=f"Every request of this batch is POST {endpoint}.",
            line=raw.number,
            param=param,
        )
    if line.body.get("stream"):
        return BatchError(
            code="streaming_not_supported",
            message="A batch has nobody to stream to: leave `stream` out.",
            line=raw.number,
            param="body.stream",
        )
    name = line.body.get("model")
    model = models.get(name) if isinstance(name, str) else None
    if model is None:
        known = ", ".join(one.name for one in models.all())
        return BatchError(
            code="model_not_found",
            message=f"There is no model {name!r}; known are: {known}.",
            line=raw.number,
            param="body.model",
        )
    try:
        chat_request(line.body)
    except ChatRequestError as error:
        return ReadLine(line.custom_id, None, error)
    return ReadLine(line.custom_id, infer_queue(model.pool))


def _form_error(number: int, error: ValidationError) -> BatchError:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in problem["loc"])
    no_json = problem["type"] == "json_invalid"
    return BatchError(
        code="invalid_json_line" if no_json else "invalid_line",
        message=f"This line is no JSON object: {problem['msg']}."
        if no_json
        else f"`{place}`: {problem['msg']}.",
        line=number,
        param=None if no_json else place or None,
    )
