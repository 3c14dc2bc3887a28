"""How a command finds the stack that it talks to."""

from __future__ import annotations

from pathlib import Path

import pytest

from docfleet.connection import resolve_environment
from docfleet.errors import NoStackError
from docfleet.processes.part import PartState
from docfleet.stack.record import PartRow, StackRecord
from docfleet.stack.state_dir import StateDir
from settings.environment import CONNECTION_VARIABLES

RECORD = StackRecord(
    environment={"DOCFLEET_REDIS_URL": "redis://here"},
    parts=[PartRow(role="redis", pid=1, state=PartState.READY, restarts=0)],
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack in the environment."""
    for name in CONNECTION_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_environment_wins_over_the_running_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who sets the variables means all of them."""
    monkeypatch.setenv("DOCFLEET_REDIS_URL", "redis://there")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    state = StateDir(tmp_path)
    with state.held():
        state.record_stack(RECORD)
        found = resolve_environment(tmp_path)
    assert found == {"DOCFLEET_REDIS_URL": "redis://there", "AWS_ACCESS_KEY_ID": "key"}


def test_a_directory_that_the_user_names_comes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who types --state-dir means no other stack."""
    monkeypatch.setenv("DOCFLEET_REDIS_URL", "redis://there")
    with pytest.raises(NoStackError):
        resolve_environment(tmp_path, named=True)
    state = StateDir(tmp_path)
    with state.held():
        state.record_stack(RECORD)
        assert resolve_environment(tmp_path, named=True) == RECORD.environment


def test_running_stack_is_found_by_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty variable, or one that is not needed, names no stack."""
    monkeypatch.setenv("DOCFLEET_REDIS_URL", "")
    monkeypatch.setenv("DOCFLEET_API_URL", "http://there")
    state = StateDir(tmp_path)
    with state.held():
        state.record_stack(RECORD)
        assert resolve_environment(tmp_path) == RECORD.environment


def test_no_stack_is_a_clear_error(tmp_path: Path) -> None:
    """The error names the remedy, in one line, and has its own exit code."""
    state = StateDir(tmp_path)
    with state.held():
        state.record_stack(RECORD)
    with pytest.raises(NoStackError, match=r"docfleet up.*DOCFLEET_REDIS_URL") as caught:
        resolve_environment(tmp_path)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_record_of_a_directory_that_is_not_there_is_no_stack(tmp_path: Path) -> None:
    """Looking makes no directory."""
    with pytest.raises(NoStackError):
        StateDir(tmp_path / "nowhere").running_stack()
    assert not (tmp_path / "nowhere").exists()
