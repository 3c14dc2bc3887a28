"""The admission of schemas to an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from workers.engine import admission
from workers.engine.admission import Admission
from workers.engine.scripted.engine import ScriptedEngine
from workers.errors import PostponedError, RequestFailedError

SLOTS = 8
SHARE = 2


class SlowCompiler(ScriptedEngine):
    """An engine whose trials end when they are told to.

    Attributes:
        tried: The titles of all schemas, in order.
        answers: Outcome of a trial, by title.
    """

    def __init__(self) -> None:
        super().__init__("slow")
        self.tried: list[str] = []
        self.answers: dict[str, asyncio.Future[str | None]] = {}

    async def schema_problem(self, schema: Mapping[str, Any]) -> str | None:
        """See Engine."""
        title = schema["title"]
        self.tried.append(title)
        answer = self.answers.setdefault(title, asyncio.get_running_loop().create_future())
        return await answer


def schema(title: str) -> dict[str, Any]:
    """A schema that differs from others in its title."""
    return {"type": "object", "title": title}


@pytest.fixture
def engine() -> SlowCompiler:
    """Shared by the tests' helpers."""
    return SlowCompiler()


@pytest.fixture
def admitting(engine: SlowCompiler) -> Admission:
    """An admission to it."""
    return Admission(engine, SLOTS)


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_schema_is_tried_once_for_all(engine: SlowCompiler, admitting: Admission) -> None:
    """The outcome holds for every tenant."""
    engine.answers["a"] = asyncio.get_running_loop().create_future()
    engine.answers["a"].set_result("#: no")
    for tenant in ("acme", "globex", "acme"):
        assert await admitting.problem(schema("a"), tenant) == "#: no"
    assert engine.tried == ["a"]


async def test_a_tenant_has_one_schema_tried_at_a_time_and_few_jobs_waiting(
    engine: SlowCompiler, admitting: Admission
) -> None:
    """Its other jobs give their places back, each for longer than the one before."""
    waiting = [
        asyncio.create_task(admitting.problem(schema(f"acme {n}"), "acme")) for n in range(SHARE)
    ]
    await _settled()
    assert engine.tried == ["acme 0"]
    with pytest.raises(PostponedError) as caught:
        await admitting.problem(schema("acme 2"), "acme")
    assert caught.value.seconds >= 5
    engine.answers["acme 0"].set_result(None)
    await _settled()
    assert engine.tried == ["acme 0", "acme 1"]
    engine.answers["acme 1"].set_result(None)
    assert await asyncio.gather(*waiting) == [None, None]


async def test_a_tenant_whose_schemas_take_long_holds_up_no_other(
    engine: SlowCompiler, admitting: Admission
) -> None:
    """Another's is tried at once."""
    hostile = [
        asyncio.create_task(admitting.problem(schema(f"acme {n}"), "acme")) for n in range(6)
    ]
    await _settled()
    other = asyncio.create_task(admitting.problem(schema("globex"), "globex"))
    await _settled()
    assert engine.tried == ["acme 0", "globex"]
    engine.answers["globex"].set_result(None)
    assert await other is None
    assert sum(task.done() for task in hostile) == 6 - SHARE
    for task in hostile:
        task.cancel()
    await asyncio.gather(*hostile, return_exceptions=True)


async def test_jobs_that_wait_come_back_one_after_the_other(
    engine: SlowCompiler, admitting: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand of them do not come back at once, and none waits for hours."""
    clock = [1000.0]
    monkeypatch.setattr(admission, "monotonic", lambda: clock[0])
    first = asyncio.create_task(admitting.problem(schema("first"), "acme"))
    await _settled()
    clock[0] += 10
    engine.answers["first"].set_result(None)
    await first
    holding = [asyncio.create_task(admitting.problem(schema(f"{n}"), "acme")) for n in range(SHARE)]
    await _settled()
    waits = []
    for number in range(100):
        with pytest.raises(PostponedError) as caught:
            await admitting.problem(schema(f"later {number}"), "acme")
        waits.append(caught.value.seconds)
    assert waits[:3] == [10, 20, 30]
    assert waits[-1] == 300
    for task in holding:
        task.cancel()
    await asyncio.gather(*holding, return_exceptions=True)


async def test_what_could_not_be_found_out_is_tried_again(
    engine: SlowCompiler, admitting: Admission
) -> None:
    """A trial without an answer says nothing of the schema."""
    failed: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    failed.set_exception(RequestFailedError("The machine is too busy."))
    engine.answers["a"] = failed
    with pytest.raises(RequestFailedError):
        await admitting.problem(schema("a"), "acme")
    engine.answers["a"] = asyncio.get_running_loop().create_future()
    engine.answers["a"].set_result(None)
    assert await admitting.problem(schema("a"), "acme") is None
    assert engine.tried == ["a", "a"]


async def test_what_is_remembered_is_bounded(
    engine: SlowCompiler, admitting: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schemas that were used last are remembered."""
    monkeypatch.setattr(admission, "_MOST_VERDICTS", 3)
    for title in "abcdab":
        engine.answers.setdefault(title, asyncio.get_running_loop().create_future())
        if not engine.answers[title].done():
            engine.answers[title].set_result(None)
        await admitting.problem(schema(title), "acme")
    assert engine.tried == ["a", "b", "c", "d", "a", "b"]


async def test_the_fleets_own_schemas_are_trusted_until_they_were_tried(
    engine: SlowCompiler, admitting: Admission
) -> None:
    """No job of theirs waits at a start; one that costs too much is known after it."""
    trying = asyncio.create_task(admitting.try_own([schema("good"), schema("bad")]))
    await _settled()
    assert admitting.known_problem(schema("bad")) is None
    engine.answers["good"].set_result(None)
    await _settled()
    engine.answers["bad"].set_result("#: too much")
    await trying
    assert admitting.known_problem(schema("good")) is None
    assert admitting.known_problem(schema("bad")) == "#: too much"
