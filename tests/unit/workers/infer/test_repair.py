"""Asking again for an answer that could not be used."""

from __future__ import annotations

from schemas.failure import FailureCode
from workers.engine.protocol import EngineRequest
from workers.infer.output import OutputError
from workers.infer.repair import repaired

REQUEST = EngineRequest("job:token:fnol", [{"role": "user", "content": "Q"}], {}, 100)


def test_an_answer_that_was_cut_off_gets_more_room() -> None:
    """The same question with twice the tokens, up to what a task may ever use."""
    error = OutputError(FailureCode.OUTPUT_TRUNCATED, "Cut off.", '{"a":')
    again = repaired(REQUEST, error, 1)
    assert (again.max_tokens, again.messages) == (200, REQUEST.messages)
    assert [repaired(again, error, 2).request_id, again.request_id] == [
        "job:token:fnol#2",
        "job:token:fnol#1",
    ]


def test_an_answer_that_is_not_valid_is_shown_to_the_model_with_what_is_wrong() -> None:
    """Behind the question, which stays in the prefix cache."""
    error = OutputError(
        FailureCode.OUTPUT_INVALID, "Not valid.", '{"score":11}', "#/score: 11 is too much."
    )
    again = repaired(REQUEST, error, 1)
    assert again.messages[:1] == REQUEST.messages
    assert again.messages[1] == {"role": "assistant", "content": '{"score":11}'}
    assert "#/score: 11 is too much." in again.messages[2]["content"]
    assert again.max_tokens == 100
