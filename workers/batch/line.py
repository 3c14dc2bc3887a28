"""One line of a batch's input file: a job for a pool, or an error. Pure."""

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
    """A line as it is in the file.

    Attributes:
        number: Its number, from 1.
        offset: Its offset in bytes.
        data: Its bytes without the line end.
        after: Offset of the next line in bytes.
    """

    number: int
    offset: int
    data: bytes
    after: int


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A valid line.

    Attributes:
        custom_id: The sender's id of the request.
        queue: Queue of the pool that runs it; None when the request is not served.
        refusal: Reason why it is not served.
    """

    custom_id: str
    queue: str | None
    refusal: ChatRequestError | None = None


def read_line(raw: RawLine, endpoint: str, models: ChatModels) -> ReadLine | BatchError:
    """Read a line.

    A request that is not served fails alone. Bad JSON, another endpoint or an unknown model fails
    the whole batch.

    Args:
        raw: The line.
        endpoint: Endpoint of the batch.
        models: Models that can be asked.
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
