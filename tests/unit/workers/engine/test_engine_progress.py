"""Steps of a starting engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.engine.vllm.progress import step_of, told_steps


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("Starting to load model /srv/models/claims...", "loading the weights"),
        ("Using bytecode transform time: Dynamo bytecode transform time: 9.10 s", "compiling"),
        ("torch.compile takes 31.00 s in total", "compiling"),
        ("Warming up model for the compilation...", "compiling"),
        ("GPU KV cache size: 201,056 tokens", "making the KV cache"),
        ("Graph capturing finished in 8 secs, took 0.71 GiB", "capturing CUDA graphs"),
        ("Initializing a V1 LLM engine (v0.32.0) with config: ...", None),
        ("", None),
    ],
)
def test_a_line_of_the_log_begins_a_step(line: str, step: str | None) -> None:
    """In words of our own; most lines begin none."""
    assert step_of(line) == step


def test_each_step_is_told_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log grows until the engine has started."""
    mine, supervisors = os.pipe()
    monkeypatch.setenv("DOCFLEET_READY_FD", str(supervisors))
    log = tmp_path / "progress.log"
    with open(mine, "rb") as pipe:  # noqa: PTH123  # a descriptor has no path
        with told_steps(log):
            log.write_text("Starting to load model small...\nStarting to load model small...\n")
            assert pipe.readline() == b"step loading the weights\n"
            with log.open("a") as more:
                more.write("GPU KV cache size: 1 tokens\n")
            assert pipe.readline() == b"step making the KV cache\n"
        os.close(supervisors)
        assert pipe.read() == b""
