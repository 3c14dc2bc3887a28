"""Mistakes: wrong settings, the part that reports them, and the check that it stays down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from infra.compose.verify.stack import Stack, taken_port

_PATIENCE_SECONDS = 180
_WELL_SECONDS = 600
_STILL_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Mistake:
    """One way to configure a part wrongly.

    Attributes:
        name: Description in words.
        service: Service that must report it.
        says: Words of the report.
        changes: Changes of the service in the compose file.
    """

    name: str
    service: str
    says: str
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Outcome of a mistake.

    Attributes:
        name: Description of the mistake.
        service: The service.
        said: Line of the report.
        end: The way in which the part ended.
        passed: True when the report is right and the part stays down.
    """

    name: str
    service: str
    said: str
    end: str
    passed: bool


def _with_variable(name: str, value: str) -> dict[str, Any]:
    return {"environment": {name: value}}


_WRONG_PASSWORD = _with_variable("DOCFLEET_REDIS_PASSWORD_FILE", "/run/docfleet/s3_credentials")

MISTAKES = (
    Mistake("wrong Redis password", "api", "Redis refuses the password", _WRONG_PASSWORD),
    Mistake("wrong Redis password", "watch", "Redis refuses the password", _WRONG_PASSWORD),
    Mistake("wrong Redis password", "prepare", "Redis refuses the password", _WRONG_PASSWORD),
    Mistake(
        "missing secret",
        "deliver",
        "/run/docfleet/none cannot be read",
        _with_variable("DOCFLEET_CALLBACK_SECRET_FILE", "/run/docfleet/none"),
    ),
    Mistake(
        "wrong S3 credentials",
        "buckets",
        "the object store cannot be used",
        {
            "command": ["buckets", "--wait", "3"],
            "environment": {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"},
        },
    ),
    Mistake(
        "missing model",
        "infer",
        "The model directory /models/none does not exist",
        _with_variable("DOCFLEET_MODELS__SMOLLM2__SOURCE", "/models/none"),
    ),
    Mistake(
        "a pool for a GPU, and no GPU",
        "infer",
        "the pool is for T4, and the installed vLLM",
        _with_variable("DOCFLEET_POOLS__CPU__GPU", "T4"),
    ),
)


def make(stack: Stack, mistake: Mistake) -> Finding:
    """Make a mistake, read the report, and repair it."""
    stack.say(f"{mistake.name}: {mistake.service}")
    overlay = {"services": {mistake.service: dict(mistake.changes)}}
    words = ("up", "--detach", "--no-deps", "--force-recreate", mistake.service)
    stack.compose(*words, overlay=overlay)
    finding = _finding(stack, mistake)
    stack.say(f"  {finding.said} [{finding.end}]")
    stack.compose(*words)
    stack.await_well(_WELL_SECONDS)
    return finding


def _finding(stack: Stack, mistake: Mistake) -> Finding:
    give_up_at = monotonic() + _PATIENCE_SECONDS
    while (one := stack.containers(mistake.service)[0]).status != "exited":
        if monotonic() >= give_up_at:
            break
        sleep(1)
    sleep(_STILL_SECONDS)  # long enough for an engine that would restart it
    one = stack.containers(mistake.service)[0]
    said = _line(stack.log_end(mistake.service, 30), mistake.says)
    end = f"{one.status}, started again {one.restarts} times"
    passed = bool(said) and one.status == "exited" and one.restarts == 0
    return Finding(mistake.name, mistake.service, said, end, passed)


def take_port(stack: Stack) -> Finding:
    """Take the API's port with another program."""
    stack.say("taken port: api")
    stack.compose("rm", "--stop", "--force", "api")
    with taken_port(stack.ports["API_PORT"]):
        failed = stack.compose("up", "--detach", "--no-deps", "api", check=False)
    return _refused(stack, "taken port", "api", failed.stderr, "already in use")


def ask_for_gpu(stack: Stack) -> Finding:
    """Use the profile `gpu` on a machine without one; the image is never started."""
    stack.say("no GPU: infer-gpu")
    overlay = {"services": {"infer-gpu": {"image": "docfleet-worker-cpu:local"}}}
    words = ("--profile", "gpu", "up", "--detach", "--no-deps", "--no-build", "infer-gpu")
    failed = stack.compose(*words, overlay=overlay, check=False)
    finding = _refused(stack, "profile `gpu`, and no GPU", "infer-gpu", failed.stderr, "nvidia")
    stack.compose("--profile", "gpu", "rm", "--stop", "--force", "infer-gpu")
    return finding


def _refused(stack: Stack, name: str, service: str, said: str, words: str) -> Finding:
    line = _line(said, words)
    stack.say(f"  {line}")
    if service == "api":
        stack.compose("up", "--detach", "--no-deps", "--force-recreate", service)
        stack.await_well(_WELL_SECONDS)
    return Finding(name, service, line, "`up` fails", bool(line))


def _line(text: str, words: str) -> str:
    """Return the last line with these words."""
    found = [line.strip() for line in text.splitlines() if words in line]
    return found[-1] if found else ""
