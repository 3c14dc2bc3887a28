"""Environment of vLLM, set before it is imported.

The processes that vLLM starts inherit it. What the owner has set stays, but for the start method.
"""

from __future__ import annotations

from os import environ  # noqa: TID251  # vLLM takes these from nowhere else

_FAMILY_PLUGIN = "docfleet_engine_family"

_UNLESS_SET = {
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def prepare_engine_environment() -> None:
    """Make vLLM quiet, silent towards its makers, and the parent of processes that die with it.

    A forked process would believe that it has loaded its plugins already; a spawned one loads them.
    """
    for name, value in _UNLESS_SET.items():
        environ.setdefault(name, value)
    environ["VLLM_WORKER_MULTIPROC_METHOD"] = "spawn"
    allowed = environ.get("VLLM_PLUGINS")
    if allowed is not None and _FAMILY_PLUGIN not in allowed.split(","):
        environ["VLLM_PLUGINS"] = ",".join(filter(None, [allowed, _FAMILY_PLUGIN]))
