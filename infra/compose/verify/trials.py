"""The trials: faults of the stack under load, and the losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep

from infra.compose.verify.errors import VerifyError
from infra.compose.verify.load import Load, Tally
from infra.compose.verify.stack import Stack, docker

KILLED = (
    "api", "watch", "prepare", "infer", "deliver", "batch", "redis", "s3", "receiver", "prometheus",
    "grafana",
)  # fmt: skip
"""All running containers."""

_WELL_SECONDS = 600
# Its own command line contains this text, and must not match.
_KILL_ENGINE = """
for process in /proc/[0-9]*; do
    case "$(tr '\\0' ' ' <"$process/cmdline" 2>/dev/null)" in
    *Engine[C]ore*) kill -9 "${process#/proc/}" && echo killed ;;
    esac
done
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One trial and what came of it.

    Attributes:
        done: Description of the fault.
        jobs: Number of jobs.
        results: Number of jobs with a result object.
        told: Number of jobs that the receiver knows of.
        repeated: Events that came again under the same id.
        lost: Jobs without an event.
        seconds: Seconds from the first document to the last event.
        workers: Number of infer workers that made the results.
    """

    done: str
    jobs: int
    results: int
    told: int
    repeated: int
    lost: int
    seconds: float
    workers: int

    @property
    def passed(self) -> bool:
        """Tell whether nothing was lost and every job has its result."""
        return self.lost == 0 and self.results == self.jobs

    @classmethod
    def of(cls, done: str, tally: Tally, seconds: float) -> Row:
        """Count a load."""
        return cls(
            done=done,
            jobs=len(tally.jobs),
            results=len(tally.results),
            told=len(tally.ended),
            repeated=sum(tally.ended.values()) - len(tally.ended),
            lost=len(tally.open),
            seconds=seconds,
            workers=len(set(tally.results.values())),
        )


class Trials:
    """Runs the trials on a healthy stack, and leaves it healthy.

    Args:
        stack: The stack.
        load: Its load.
        documents: Documents that each trial drops; half as many are submitted over HTTP.
    """

    def __init__(self, stack: Stack, load: Load, documents: int) -> None:
        self._stack = stack
        self._load = load
        self._documents = documents

    def nothing(self) -> Row:
        """Send documents without a fault."""
        return self._run("nothing is broken", lambda: None)

    def kill(self, service: str) -> Row:
        """Kill a container's processes under load."""

        def kill() -> None:
            before = self._restarts(service)
            self._stack.kill(service)
            self._await_restart(service, before)

        return self._run(f"`{service}` killed", kill)

    def kill_engine(self) -> Row:
        """Kill the engine's own process; its worker ends with 70 and is restarted."""

        def kill() -> None:
            before = self._restarts("infer")
            done = self._stack.compose("exec", "-T", "infer", "sh", "-c", _KILL_ENGINE, check=False)
            if "killed" not in done.stdout:
                raise VerifyError(f"no engine was found: {done.stdout}{done.stderr}")
            self._await_restart("infer", before)

        return self._run("the engine in `infer` killed", kill)

    def down_and_up(self) -> Row:
        """Stop and remove all containers under load, and start them again on their volumes."""

        def down_and_up() -> None:
            self._stack.down()
            self._stack.start(_WELL_SECONDS)

        return self._run("`down`, then `up` on the same volumes", down_and_up)

    def scale(self, workers: int) -> Row:
        """Add infer workers, which share the load."""
        self._stack.say(f"starting {workers} infer workers")
        self._stack.up("--no-recreate", "--scale", f"infer={workers}")
        self._stack.await_well(_WELL_SECONDS)
        row = self._run(f"`--scale infer={workers}`", lambda: None)
        self._stack.up("--no-recreate")
        if row.workers != workers:
            raise VerifyError(f"of {workers} infer workers, {row.workers} worked")
        return row

    def _run(self, done: str, act: Callable[[], None]) -> Row:
        self._stack.say(f"{done}")
        started = monotonic()
        tally = self._load.send(self._documents, self._documents // 2)
        self._load.await_first(tally)
        act()
        self._load.await_all(tally)
        row = Row.of(done, tally, monotonic() - started)
        self._stack.say(f"  {row.results} results of {row.jobs} jobs in {row.seconds:.0f} s")
        return row

    def _await_restart(self, service: str, before: int) -> None:
        give_up_at = monotonic() + _WELL_SECONDS
        while self._restarts(service) <= before:
            if monotonic() >= give_up_at:
                raise VerifyError(f"{service} was not started again")
            sleep(1)
        self._stack.await_well(_WELL_SECONDS)

    def _restarts(self, service: str) -> int:
        return sum(one.restarts for one in self._stack.containers(service))


def idle_memory(stack: Stack) -> dict[str, str]:
    """Return the present memory of each service's container, from `docker stats`."""
    memory = {}
    for one in stack.containers():
        if one.status == "running":
            told = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", one.id).stdout
            memory[one.service] = told.partition("/")[0].strip()
    return memory


def image_megabytes(image: str) -> int:
    """Return an image's size, from `docker image ls`."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image).stdout) // 10**6
