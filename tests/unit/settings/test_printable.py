"""Printed text cannot control a terminal, from any source."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from docfleet.commands.texts.output import say
from docfleet.processes.part import PartState
from docfleet.stack.announcer import Announcer
from settings.logs import configure_logs
from settings.printable import printable

EVIL = "a\x1b[31mb\u202ec\x9b2J\x7f\x00\U000e0041\r"


def test_what_could_steer_a_terminal_is_escaped_and_the_rest_is_left() -> None:
    """Escape, C1 controls, changes of direction, invisible tags; not letters, lines and tabs."""
    told = printable(f"{EVIL}\n\té")
    assert told == ("a\\u001b[31mb\\u202ec\\u009b2J\\u007f\\u0000\\udb40\\udc41\\r\n\té")
    assert printable("plain\nlines") == "plain\nlines"


def test_json_is_still_the_same_json() -> None:
    """A program that reads it reads what there is."""
    text = json.dumps({"name": EVIL, "lines": "a\nb"}, ensure_ascii=False, indent=2)
    assert json.loads(printable(text)) == json.loads(text)


def test_a_command_prints_nothing_raw(capsys: pytest.CaptureFixture[str]) -> None:
    """To neither of its streams; `typer.echo` itself is banned."""
    say(EVIL)
    say(EVIL, err=True)
    out, err = capsys.readouterr()
    assert out == err == printable(EVIL) + "\n"


def test_the_stack_announces_nothing_raw(capsys: pytest.CaptureFixture[str]) -> None:
    """The stack quotes the end of a part's log, which quotes documents and servers."""
    announcer = Announcer()
    announcer.part(("infer",), PartState.FAILED, EVIL)
    announcer.say(EVIL)
    out = capsys.readouterr().out
    assert "\\u001b[31m" in out
    assert not {"\x1b", "\x9b", "\u202e", "\x7f"} & set(out)


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_on_a_terminal_has_nothing_raw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of ours nor of libraries, errors included; colours are its own."""
    stream = _Tty()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    configure_logs("test", stream)
    try:
        structlog.get_logger("ours").info("said", name=EVIL)
        logging.getLogger("theirs").error("failed: %s", EVIL, exc_info=ValueError(EVIL))
    finally:
        structlog.reset_defaults()
    told = stream.getvalue()
    assert told.count("\\u001b[31m") == 3
    assert not {"\x9b", "\u202e", "\x7f", "\x00"} & set(told)
    assert "\x1b[31mb" not in told
