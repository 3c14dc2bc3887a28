"""How a part tells its supervisor what it does, and that it is ready."""

from __future__ import annotations

import os

import pytest

from settings.environment import part_environment
from settings.ready import announce_ready, announce_step, start_step


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
