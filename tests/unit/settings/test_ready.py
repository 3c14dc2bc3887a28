"""How a part tells its supervisor what it does, and that it is ready."""

from __future__ import annotations

import fcntl
import os

import pytest

from settings.environment import part_environment
from settings.ready import announce_ready, announce_step, start_step
from settings.signs_of_life import SignsOfLife


def test_ready_is_announced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, then the end of the pipe; a second call and a child announce nothing."""
    mine, parts = os.pipe()
    monkeypatch.setenv("DOCFLEET_READY_FD", str(parts))
    announce_ready()
    announce_ready()
    with open(mine, "rb") as pipe:  # noqa: PTH123  # a descriptor has no path
        assert pipe.read() == b"ready\n"
    assert "DOCFLEET_READY_FD" not in part_environment({})


def test_steps_are_told_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line each; none after the part is ready."""
    mine, parts = os.pipe()
    monkeypatch.setenv("DOCFLEET_READY_FD", str(parts))
    with start_step("unpacking the model", into="somewhere"):
        announce_step("importing vLLM")
    announce_ready()
    announce_step("resting")
    with open(mine, "rb") as pipe:  # noqa: PTH123  # a descriptor has no path
        assert pipe.read() == b"step unpacking the model\nstep importing vLLM\nready\n"


@pytest.mark.parametrize("value", ["", "none", "987654"])
def test_nobody_has_to_listen(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A part also runs without a supervisor, or with one that is gone."""
    monkeypatch.setenv("DOCFLEET_READY_FD", value)
    announce_step("importing vLLM")
    announce_ready()


def test_signs_of_life_are_given_before_and_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe stays open for them; what the process starts does not have it."""
    mine, parts = os.pipe()
    monkeypatch.setenv("DOCFLEET_READY_FD", str(parts))
    signs = SignsOfLife()
    signs.give(3600)
    announce_ready()
    signs.give(0.5)
    assert os.read(mine, 100) == b"alive 3600\nready\nalive 0.5\n"
    os.close(mine)
    signs.give(60)  # nobody reads it


def test_a_keeper_that_reads_nothing_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full pipe takes no more signs."""
    mine, parts = os.pipe()
    room = fcntl.fcntl(mine, fcntl.F_SETPIPE_SZ, 4096)
    monkeypatch.setenv("DOCFLEET_READY_FD", str(parts))
    signs = SignsOfLife()
    for _ in range(room):
        signs.give(60)
    os.close(mine)
    os.close(parts)
