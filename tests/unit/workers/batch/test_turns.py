"""Turns and slots of the batch stage: what one tenant takes is not all that there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from workers.batch.turns import Slots, Turns


class Scene:
    """Tenants that want turns, and the order in which they have them."""

    def __init__(self, at_once: int = 1) -> None:
        self.turns = Turns(at_once)
        self.order: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    async def work(self, name: str, *, times: int = 1) -> None:
        """Take turns one after the other; a name is a tenant and a number."""
        for _ in range(times):
            async with self.turns.turn(name[0]):
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                self.order.append(name)
                await asyncio.sleep(0)
                self.at_once -= 1


async def test_a_tenant_with_one_turn_to_take_waits_for_one_turn_of_each_other() -> None:
    """However many of another's works want to go on."""
    scene = Scene()
    works = [asyncio.create_task(scene.work(f"a{n}", times=10)) for n in range(6)]
    await asyncio.sleep(0)
    works += [asyncio.create_task(scene.work(name)) for name in ("b", "c")]
    await asyncio.gather(*works)
    assert scene.order.index("b") <= 3
    assert scene.order.index("c") <= 4
    assert len(scene.order) == 62


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_no_more_turns_run_at_once_than_may(at_once: int) -> None:
    """And as many where there is work."""
    scene = Scene(at_once)
    await asyncio.gather(*(scene.work(f"{tenant}1", times=5) for tenant in "abcdef"))
    assert scene.most_at_once == at_once


async def test_a_work_that_is_cancelled_loses_nobody_a_turn() -> None:
    """Neither while it waits, nor when it was given a turn in the same moment, nor in it."""
    scene = Scene()
    async with scene.turns.turn("a"):
        waiting = [asyncio.create_task(scene.work(name)) for name in ("a1", "b1", "c1", "d1")]
        await asyncio.sleep(0)
        waiting[1].cancel()
    waiting[0].cancel()  # its turn has come, and it does not know yet
    await asyncio.wait_for(asyncio.gather(*waiting[2:]), 10)
    assert scene.order == ["c1", "d1"]
    await asyncio.wait_for(scene.work("e1"), 10)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Holds slots for the length of a test."""
    with ExitStack() as held:
        yield held


def test_one_tenant_has_half_of_the_slots_and_the_others_one_each(stack: ExitStack) -> None:
    """Other tenants find one slot each, as long as slots are left."""
    slots = Slots(8)
    take = lambda tenant: stack.enter_context(slots.slot(tenant))  # noqa: E731  # of this test alone
    assert [take("a") for _ in range(6)] == [True] * 4 + [False] * 2
    assert [(take(tenant), take(tenant)) for tenant in "bcde"] == [(True, False)] * 4


def test_a_slot_that_is_given_back_is_taken_again() -> None:
    """And a stage with one slot has one for everybody in turn."""
    slots = Slots(1)
    for tenant in "aab":
        with slots.slot(tenant) as has_slot:
            assert has_slot
