"""How logs look."""

from __future__ import annotations

import subprocess
import sys

_LOG_AN_ERROR = """
import io
import structlog
from settings.logs import configure_logs

class Terminal(io.StringIO):
    def isatty(self):
        return True

terminal = Terminal()
configure_logs("test", terminal)

def read(text):
    raise ValueError("a defect")

try:
    read("PATIENT Jane Doe")
except ValueError:
    structlog.get_logger().exception("failed")
print(terminal.getvalue())
"""


def test_a_terminal_is_shown_no_variables() -> None:
    """A document's text is in many of them."""
    done = subprocess.run(
        [sys.executable, "-c", _LOG_AN_ERROR], capture_output=True, text=True, check=True
    )
    assert "a defect" in done.stdout
    assert "Jane" not in done.stdout.replace('read("PATIENT Jane Doe")', "")
