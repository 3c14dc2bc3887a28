"""Executor of an engine on the CPU: the model runs in the EngineCore's own process.

vLLM would start another process for the model and import itself there again, which takes longer
than loading a small model.
"""

from __future__ import annotations

import os

import torch
from vllm.utils.ompmultiprocessing import OMPProcessManager
from vllm.v1.executor.uniproc_executor import UniProcExecutor

from workers.engine.vllm.parent_death import die_with_parent


class OneProcessExecutor(UniProcExecutor):  # type: ignore[misc]  # vLLM has no types
    """Runs a model that fits one device."""

    def _init_executor(self) -> None:
        """Take the cores that vLLM would give a model's process, and load the model."""
        die_with_parent()  # a forked process has already loaded its plugins
        cores = OMPProcessManager(self.vllm_config).cpu_lists
        if cores:
            os.sched_setaffinity(0, cores[0])
            torch.set_num_threads(len(cores[0]))
        super()._init_executor()
