"""Engine processes that never outlive their worker: a vLLM plugin.

vLLM calls `die_with_parent` in each process that loads it, through the entry point group
`vllm.general_plugins`. Otherwise a killed worker would leave an EngineCore with its workers behind,
and the GPU full. Nothing here imports vLLM.

The kernel sends the signal when the *thread* that started the process ends, not only when its
process does. Start an engine on a thread that lives as long as the engine: the worker's event loop
thread (event_loop.py), never a thread of a pool.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Make the kernel kill this process when its parent ends; leave if it has already ended.

    Do nothing in a process that multiprocessing did not start, or on other systems than Linux.
    """
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if not parent.is_alive():
        os._exit(1)
