"""The gate: who is let through, and when."""

from __future__ import annotations

import asyncio

import pytest

from workers.engine.gate import Gate
from workers.errors import GateClosedError


class Crowd:
    """Visitors of one gate, each inside until told to leave."""

    def __init__(self, slots: int) -> None:
        self.gate = Gate(slots)
        self.inside: list[str] = []
        self._leave: dict[str, asyncio.Event] = {}
        self._visits: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str, alone: bool = False) -> None:
        """Stand before the gate, and go in as soon as it lets one."""
        for name in names:
            self._leave[name] = asyncio.Event()
            self._visits[name] = asyncio.create_task(self._visit(name, alone=alone))
        await self._settled()

    async def _visit(self, name: str, *, alone: bool) -> None:
        async with self.gate.passage(alone=alone):
            self.inside.append(name)
            try:
                await self._leave[name].wait()
            finally:
                self.inside.remove(name)

    async def leave(self, name: str) -> None:
        """Go out again."""
        self._leave[name].set()
        await self._visits[name]
        await self._settled()

    async def give_up(self, name: str) -> None:
        """Be cancelled, before the gate or behind it."""
        self._visits[name].cancel()
        await asyncio.gather(self._visits[name], return_exceptions=True)
        await self._settled()

    async def outcome(self, name: str) -> BaseException | None:
        """How the visit ended."""
        (end,) = await asyncio.gather(self._visits[name], return_exceptions=True)
        return end

    async def _settled(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_as_many_go_in_as_there_are_slots_and_the_others_follow_in_order() -> None:
    """Each that leaves makes room for the one who waited longest."""
    crowd = Crowd(2)
    await crowd.come("a", "b", "c", "d")
    assert crowd.inside == ["a", "b"]
    await crowd.leave("a")
    assert crowd.inside == ["b", "c"]


async def test_a_suspect_waits_until_the_engine_is_empty_and_keeps_it_to_itself() -> None:
    """Nobody goes in while it waits, nor while it is inside."""
    crowd = Crowd(2)
    await crowd.come("a")
    await crowd.come("suspect", alone=True)
    await crowd.come("b")
    assert crowd.inside == ["a"]
    await crowd.leave("a")
    assert crowd.inside == ["suspect"]
    await crowd.leave("suspect")
    assert crowd.inside == ["b"]


async def test_suspects_follow_one_another() -> None:
    """All of them before anybody else, one at a time."""
    crowd = Crowd(4)
    await crowd.come("s1", "s2", alone=True)
    await crowd.come("a", "b")
    assert crowd.inside == ["s1"]
    await crowd.leave("s1")
    assert crowd.inside == ["s2"]
    await crowd.leave("s2")
    assert crowd.inside == ["a", "b"]


async def test_who_gives_up_leaves_no_gap() -> None:
    """Before the gate or behind it, and a suspect too."""
    crowd = Crowd(1)
    await crowd.come("a", "b", "c")
    await crowd.come("suspect", alone=True)
    await crowd.give_up("suspect")
    await crowd.give_up("b")
    await crowd.give_up("a")
    assert crowd.inside == ["c"]
    await crowd.leave("c")
    await crowd.come("d")
    assert crowd.inside == ["d"]


async def test_a_gate_that_closes_turns_away_all_that_have_not_gone_in() -> None:
    """Those inside are left to find out by themselves."""
    crowd = Crowd(1)
    await crowd.come("a", "b")
    crowd.gate.close()
    assert isinstance(await crowd.outcome("b"), GateClosedError)
    assert crowd.inside == ["a"]
    with pytest.raises(GateClosedError):
        async with crowd.gate.passage():
            pass


async def test_a_gate_can_be_made_wider_and_narrower() -> None:
    """Nobody is thrown out; who waits goes in as soon as there is room."""
    crowd = Crowd(2)
    await crowd.come("a", "b", "c")
    crowd.gate.resize(1)
    await crowd.leave("a")
    assert crowd.inside == ["b"]
    crowd.gate.resize(3)
    await crowd.come()
    assert crowd.inside == ["b", "c"]
