"""Lines of `docfleet up`: one for each part and change, coloured on a terminal."""

from __future__ import annotations

from contextlib import suppress

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from docfleet.processes.part import PartState
from settings.printable import printable

_COLOURS = {
    PartState.READY: "green",
    PartState.RESTARTING: "yellow",
    PartState.FAILED: "red",
}
_ROLE_WIDTH = 8
_STATE_WIDTH = 10


class Announcer:
    """Prints to standard output, and continues when it is closed."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._running = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._steps: dict[str, TaskID] = {}

    def part(self, roles: tuple[str, ...], state: PartState, words: str) -> None:
        """Print a line for each role."""
        for role in roles:
            self._progress(role, words if state is PartState.STARTING else None)
            line = Text(f"{role:<{_ROLE_WIDTH}} ")
            line.append(f"{state:<{_STATE_WIDTH}}", _COLOURS.get(state, ""))
            line.append(f" {printable(words)}")
            self._print(line)

    def say(self, words: str) -> None:
        """Print a line."""
        self._print(Text(printable(words)))

    def _progress(self, role: str, step: str | None) -> None:
        """Show a step with its seconds below the lines, on a terminal; None ends it."""
        with suppress(OSError):  # the terminal was closed
            if role in self._steps:
                self._running.remove_task(self._steps.pop(role))
            if step is not None:
                self._steps[role] = self._running.add_task(f"{role}: {printable(step)}", total=None)
                self._running.start()
            elif not self._steps:
                self._running.stop()

    def _print(self, line: Text) -> None:
        line.rstrip()
        with suppress(OSError):  # the terminal was closed
            self._console.print(line)
            self._console.file.flush()
