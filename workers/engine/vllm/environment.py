"""Environment of vLLM, which must be set before the import.

The processes that vLLM starts inherit it. The owner's settings stay, except the start method.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import environ  # noqa: TID251  # vLLM takes these from nowhere else

_FAMILY_PLUGIN = "docfleet_engine_family"

_START_METHOD = "VLLM_WORKER_MULTIPROC_METHOD"

_UNLESS_SET = {
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def prepare_engine_environment() -> None:
    """Disable vLLM's telemetry and most of its log; make its processes die with this one.

    A spawned process loads its plugins anew, and parent_death.py is one of them.
    """
    for name, value in _UNLESS_SET.items():
        environ.setdefault(name, value)
    environ[_START_METHOD] = "spawn"
    allowed = environ.get("VLLM_PLUGINS")
    if allowed is not None and _FAMILY_PLUGIN not in allowed.split(","):
        environ["VLLM_PLUGINS"] = ",".join(filter(None, [allowed, _FAMILY_PLUGIN]))


@contextmanager
def forking() -> Iterator[None]:
    """Let vLLM fork its process, which then does not import vLLM again: half of a start on the CPU.

    Enter this after vLLM has made its configuration, which asks for `spawn` on the CPU. Not for a
    GPU: CUDA does not survive a fork.
    """
    environ[_START_METHOD] = "fork"
    try:
        yield
    finally:
        environ[_START_METHOD] = "spawn"
