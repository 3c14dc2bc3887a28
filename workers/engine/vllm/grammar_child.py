"""Process that compiles grammars before the engine does: each in a fork with limits.

It gets the engine's vocabulary once. Each request is compiled in a process of its own with limited
CPU and memory. That process also reads some tokens: a grammar that is cheap to compile can still
cost the whole batch milliseconds at each token. Nothing here works without xgrammar, which vLLM
brings; nothing here imports vLLM. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import select
import signal
import sys
from enum import StrEnum
from pathlib import Path
from time import monotonic, process_time
from typing import Any, NamedTuple

from workers.engine.vllm.guide import compiled


class Verdict(StrEnum):
    """Outcome of the trial of a schema."""

    TAKEN = "taken"
    """The schema is cheap enough."""
    REFUSED = "refused"
    """xgrammar cannot make a grammar of the schema."""
    TIME = "time"
    """Compilation takes more CPU than allowed."""
    MEMORY = "memory"
    """Compilation takes more memory than allowed."""
    SLOW = "slow"
    """Each token of an answer takes more CPU than allowed."""
    UNDECIDED = "undecided"
    """The machine was too busy for an answer."""


_PR_SET_PDEATHSIG = 1
_NICENESS = 10
"""Low priority: the engine's own work comes first."""
_TOKENS = 64
_PAGE_BYTES = resource.getpagesize()
_MOST_WORDS = 300
_OUTPUT = 1


class _Limits(NamedTuple):
    """Limits of one grammar.

    Attributes:
        cpu_seconds: CPU seconds to compile and to read some tokens.
        memory_bytes: Bytes beside those of this process.
        wall_seconds: Seconds after which the trial ends without an answer: the machine was too
            busy.
        front_seconds: CPU seconds of vLLM's work on the worker's event loop.
        token_seconds: CPU seconds of each token, on average.
    """

    cpu_seconds: int
    memory_bytes: int
    wall_seconds: float
    front_seconds: float
    token_seconds: float


def main() -> None:
    """Serve until standard input ends.

    The first line is a JSON object with `parent`, a process id, `vocabulary`, a TokenizerInfo of
    xgrammar, and `limits`; each line after it has an `id` and a `schema`, in JSON as text. A line
    of the output has the id, a `verdict` and `words`.
    """
    header = json.loads(sys.stdin.buffer.readline())
    _die_with(header["parent"])
    os.nice(_NICENESS)
    import xgrammar  # noqa: PLC0415  # it imports torch, which takes seconds

    vocabulary = xgrammar.TokenizerInfo.deserialize_json(header["vocabulary"])
    limits = _Limits(**header["limits"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the forks
    server = os.getpid()
    for line in sys.stdin.buffer:
        if os.fork() == 0:
            _die_with(server)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            request = json.loads(line)
            verdict, words = _judged(request["schema"], vocabulary, limits)
            told = {"id": request["id"], "verdict": verdict, "words": words[:_MOST_WORDS]}
            os.write(_OUTPUT, json.dumps(told).encode() + b"\n")
            os._exit(0)


def _judged(schema: str, vocabulary: Any, limits: _Limits) -> tuple[str, str]:
    """Try a schema in a process of its own; return its verdict, or the one that its end implies."""
    read_end, write_end = os.pipe()
    judge = os.getpid()
    pid = os.fork()
    if pid == 0:
        _die_with(judge)
        _confine(limits)
        os.write(write_end, "\n".join(_tried(schema, vocabulary, limits)).encode(errors="replace"))
        os._exit(0)
    os.close(write_end)
    answer = _read(read_end, limits.wall_seconds)
    os.kill(pid, signal.SIGKILL)  # it is not reaped yet, so that the pid is still its own
    _, status = os.waitpid(pid, 0)
    if answer is None:
        return Verdict.UNDECIDED, f"nothing came of it in {limits.wall_seconds:g} s"
    if answer:
        said, _, words = answer.decode(errors="replace").partition("\n")
        return said, words
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return Verdict.TIME, ""
    return Verdict.MEMORY, ""


def _read(descriptor: int, seconds: float) -> bytes | None:
    """Read until the writer has ended; return None when the time is over."""
    give_up_at, answer = monotonic() + seconds, b""
    while select.select([descriptor], [], [], max(give_up_at - monotonic(), 0))[0]:
        some = os.read(descriptor, 4096)
        if not some:
            return answer
        answer += some
    return None


def _tried(schema: str, vocabulary: Any, limits: _Limits) -> tuple[str, str]:
    """Do what vLLM does with a schema, and read some tokens."""
    import xgrammar  # noqa: PLC0415  # see main

    try:
        started = process_time()
        xgrammar.Grammar.from_json_schema(schema)
        if process_time() - started > limits.front_seconds:
            return Verdict.TIME, ""
        compiler = xgrammar.GrammarCompiler(vocabulary, max_threads=1)
        grammar = compiled(xgrammar, compiler, schema)
        seconds = _token_seconds(xgrammar, grammar, vocabulary.vocab_size)
    except MemoryError:
        return Verdict.MEMORY, ""
    except Exception as error:  # noqa: BLE001  # xgrammar raises all kinds
        words = str(error)
        if "bad_alloc" in words:
            return Verdict.MEMORY, ""
        return Verdict.REFUSED, _plain(words)
    return (Verdict.SLOW if seconds > limits.token_seconds else Verdict.TAKEN), ""


def _token_seconds(xgrammar: Any, grammar: Any, vocabulary_size: int) -> float:
    """Return the average CPU seconds of a token, over two answers of random tokens."""
    mask, vocabulary = xgrammar.allocate_token_bitmask(1, vocabulary_size), ~(-1 << vocabulary_size)
    dice, tokens, started = random.Random(0), 0, process_time()  # noqa: S311  # no secret
    for _ in range(2):
        matcher = xgrammar.GrammarMatcher(grammar)
        for _ in range(_TOKENS):
            matcher.fill_next_token_bitmask(mask)
            allowed = int.from_bytes(mask[0].numpy().tobytes(), "little") & vocabulary
            if not allowed:
                break
            tokens += 1
            rest = allowed >> dice.randrange(allowed.bit_length())
            skipped = allowed.bit_length() - rest.bit_length()
            matcher.accept_token(skipped + (rest & -rest).bit_length() - 1)
            if matcher.is_terminated():
                break
    return (process_time() - started) / max(tokens, 1)


def _plain(words: str) -> str:
    """Return the first line of an error, without the place in xgrammar's source."""
    line = (words.strip().splitlines() or ["it did not say why"])[0]
    return line.rpartition("is false: ")[2].strip() or "an internal check of xgrammar failed"


def _die_with(parent: int) -> None:
    """Make the kernel kill this process when its parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _confine(limits: _Limits) -> None:
    """Limit this process, and silence xgrammar's notes on standard error."""
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123  # a descriptor is needed
        os.dup2(nothing.fileno(), sys.stderr.fileno())
    own = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (own + limits.memory_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
