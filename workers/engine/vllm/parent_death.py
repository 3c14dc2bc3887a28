"""Engine processes that never outlive their worker: a vLLM plugin.

vLLM calls `die_with_parent` in each process that loads it, by the entry point group
`vllm.general_plugins`. A worker that is killed outright would otherwise leave an EngineCore with
its workers behind, and the GPU full. Nothing here imports vllm.

The kernel's signal fires when the *thread* that started the process ends, not only when its
process does. An engine must be started on a thread that lives as long as the engine:
the worker's event loop thread (loop.py), never one of a pool.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent goes, or leave if it has gone already.

    Does nothing in a process that multiprocessing did not start, nor on other systems than Linux.
    """
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if not parent.is_alive():
        os._exit(1)
