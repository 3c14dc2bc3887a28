"""Logging: JSON lines for machines, readable lines for a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.dev import plain_traceback

from settings.printable import printable

_QUIET = (
    "kombu",
    "celery",
    "vllm",
    "botocore",
    "boto3",
    "urllib3",
    "aiohttp.access",
    "uvicorn",
    "asyncio",
)

_SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def configure_logs(part: str, stream: TextIO = sys.stderr) -> None:
    """Send this process's logs, and those of libraries, to a stream in one form.

    Args:
        part: Name of the process, for each line.
        stream: A terminal gets readable lines, anything else gets JSON.
    """

    def add_part(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("part", part)
        return event

    shared = [*_SHARED, add_part]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    last: list[structlog.types.Processor] = (
        # The default shows the variables of each frame, and so a document's text.
        [_without_steering, structlog.dev.ConsoleRenderer(exception_formatter=plain_traceback)]
        if stream.isatty()
        else [structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                *last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _without_steering(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escape control characters from documents and servers; JSON escapes them anyway."""
    return {
        name: printable(value) if isinstance(value, str) else value for name, value in event.items()
    }
