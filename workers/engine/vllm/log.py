"""Log of vLLM and of its processes, and the causes of failures in it.

vLLM raises a generic error when one of its processes fails; only that process's log has the cause.
Therefore each process also writes its errors into one file, which is read to explain a failure.
Nothing here imports vLLM.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from tempfile import TemporaryDirectory

_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*(?:Error|Exception)): (.+)$")
_GENERIC = re.compile(
    r"EngineDeadError|^EngineCore encountered an issue|initialization failed|^Worker failed with|"
    r"cancelled|^Call to \w+ method failed"
)

_PROGRESS_BYTES = 2**20

_OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemoryError|\bMemoryError|bad_alloc|can't allocate memory|"
    r"Cannot allocate memory",
    re.IGNORECASE,
)


def tells_of_memory(cause: str | None) -> bool:
    """Tell whether a logged cause means that memory ran out."""
    return cause is not None and _OUT_OF_MEMORY.search(cause) is not None


class EngineLog:
    """A folder with vLLM's logging configuration and the errors that its processes logged."""

    def __init__(self, level: str) -> None:
        """Write the configuration.

        Args:
            level: Minimum level that the processes log to stderr, such as `WARNING`.
        """
        self._folder = TemporaryDirectory(prefix="docfleet-engine-")
        self._level = level
        self._errors = Path(self._folder.name) / "errors.log"
        self.progress = Path(self._folder.name) / "progress.log"
        """File of the processes' log from INFO on."""
        self.config_file = Path(self._folder.name) / "logging.json"
        self.config_file.write_text(json.dumps(_configuration(level, self._errors, self.progress)))

    def use_own_handlers(self) -> None:
        """Send vLLM's log in this process to the handlers of this process."""
        vllm_log = logging.getLogger("vllm")
        for handler in vllm_log.handlers[:]:
            vllm_log.removeHandler(handler)
            handler.close()
        vllm_log.propagate = True
        vllm_log.setLevel(self._level)

    def cause(self) -> str | None:
        """Return the message of the last exception that names a cause."""
        try:
            text = self._errors.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        found = [_EXCEPTION.match(line) for line in text.splitlines()]
        causes = [
            f"{match[1]}: {match[2]}" if "Memory" in match[1] else match[2]
            for match in found
            if match and not _GENERIC.search(match[2]) and not _GENERIC.search(match[1])
        ]
        return causes[-1].strip() if causes else None

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()


def _configuration(level: str, errors: Path, progress: Path) -> dict[str, object]:
    """Return a configuration for `logging.config.dictConfig`, in each process."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "class": "vllm.logging_utils.NewLineFormatter",
                "format": "%(levelname)s %(asctime)s %(processName)s [%(name)s] %(message)s",
            },
            "plain": {"format": "%(message)s"},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "level": level,
                "formatter": "line",
                "stream": "ext://sys.stderr",
            },
            "errors": {
                "class": "logging.FileHandler",
                "level": "ERROR",
                "formatter": "plain",
                "filename": str(errors),
                "delay": True,
            },
            "progress": {
                "class": "logging.handlers.RotatingFileHandler",
                "level": "INFO",
                "formatter": "plain",
                "filename": str(progress),
                "maxBytes": _PROGRESS_BYTES,
                "backupCount": 1,
                "delay": True,
            },
        },
        "loggers": {
            "vllm": {
                "level": min(level, "INFO", key=logging.getLevelNamesMapping().__getitem__),
                "handlers": ["stderr", "errors", "progress"],
                "propagate": False,
            }
        },
    }
