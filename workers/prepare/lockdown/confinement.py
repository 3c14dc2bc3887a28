"""The layers together: tried once by the zygote, and put on by each reader.

Each layer is tried at the start, in a reader without a document. A layer that the kernel refuses
then is left out from then on. A layer that it refuses only later is an error, and no document is
read.
"""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable

from workers.prepare.lockdown import landlock, namespaces, privileges, resources, seccomp
from workers.prepare.lockdown.empty_root import enter_empty_root, make_empty_root
from workers.prepare.lockdown.resources import Allowance

LAYERS = ("seccomp", "landlock", "network", "processes", "user", "root", "threads")
"""Names of the layers, which `settings.sections.sandbox` describes."""

_FIRST_USER = 64_000
"""First of the users that distributions leave free, within a container's 65,536."""
_TRIAL = Allowance(memory_bytes=2**30, cpu_seconds=10, threads=1)


class Confinement:
    """Confinement of a reader. Create it while this process has one thread."""

    def __init__(self) -> None:
        self.off: dict[str, str] = {}
        self.landlock_version = 0
        self._zygote = os.pidfd_open(os.getpid())
        self._namespaces = namespaces.NEW_PROCESSES
        self._ruleset = self._root = -1
        self._begins_with = 0
        self._attempt("network", self._empty_network)
        self._attempt("landlock", self._make_ruleset)
        self._attempt("root", self._make_root)
        if os.geteuid() != 0:
            self.off["user"] = "the worker is not root"
        privileges.hide_memory()

    def settle(self) -> None:
        """Find out which layers work; call this after loading everything that readers share."""
        self._begins_with = resources.address_space()
        self._attempt("processes", self._try_fork)
        if "processes" in self.off:
            self._namespaces = 0
        for layer, reason in self._trial().items():
            self.off[layer] = reason

    def fork(self) -> int:
        """Fork a reader.

        Raises:
            OSError: The kernel has no room for it.
        """
        return namespaces.fork(self._namespaces)

    def shed(self, place: int) -> None:
        """Put on the layers that do not depend on the document.

        Args:
            place: Number of the reader among those at work, from 0.

        Raises:
            OSError: A layer that worked at the start does not work now.
        """
        os.setsid()  # A signal to its group reaches no other process.
        for layer, put_on in self._first_layers(place):
            if layer not in self.off:
                put_on()
        self._bind()

    def seal(self, allowance: Allowance) -> None:
        """Put on the limits and the filter; nothing can be opened afterwards.

        Raises:
            OSError: A layer that worked at the start does not work now.
        """
        self._limit(allowance)
        if "seccomp" not in self.off:
            seccomp.install_filter(os.getpid(), threads=allowance.threads > 0)

    def _first_layers(self, place: int) -> tuple[tuple[str, Callable[[], None]], ...]:
        return (
            ("root", lambda: enter_empty_root(self._root)),
            ("user", lambda: privileges.become(_FIRST_USER + place)),
            ("landlock", self._restrict),
        )

    def _bind(self) -> None:
        privileges.drop_privileges()
        privileges.hide_memory()
        privileges.die_with(self._zygote)

    def _restrict(self) -> None:
        privileges.drop_privileges()  # Landlock needs no_new_privs.
        landlock.restrict_self(self._ruleset)

    def _limit(self, allowance: Allowance) -> None:
        resources.limit(
            allowance,
            begins_with=self._begins_with,
            counts_threads="threads" not in self.off,
        )

    def _attempt(self, layer: str, step: Callable[[], None]) -> None:
        try:
            step()
        except OSError as error:
            self.off[layer] = error.strerror or str(error)

    def _empty_network(self) -> None:
        if namespaces.enter_empty_network():
            # A user namespace for each reader: the kernel then counts its threads separately.
            self._namespaces |= namespaces.NEW_USER

    def _make_ruleset(self) -> None:
        self._ruleset, self.landlock_version = landlock.create_ruleset()

    def _make_root(self) -> None:
        self._root = make_empty_root()

    def _try_fork(self) -> None:
        if not namespaces.supported():
            raise OSError(0, "the system calls of this machine are not known")
        child = self.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

    def _trial(self) -> dict[str, str]:
        """Try each layer in a reader; return the refused ones with the reasons."""
        ours, theirs = os.pipe()
        child = self.fork()
        if child == 0:
            self._try_layers(theirs)
        os.close(theirs)
        with os.fdopen(ours, encoding="utf-8") as report:
            lines = report.read().splitlines()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0:
            raise OSError(0, f"the trial of the layers ended with status {status}")
        return dict(line.split("\t", 1) for line in lines)

    def _try_layers(self, report: int) -> None:
        try:
            for layer, put_on in self._first_layers(place=0):
                if layer not in self.off:
                    self._attempt(layer, put_on)
            self._bind()
            self._limit(_TRIAL)
            self._attempt("seccomp", self._try_filter)
            self._attempt("threads", _try_threads)
            text = "".join(f"{layer}\t{reason}\n" for layer, reason in self.off.items())
            os.write(report, text.encode())
        finally:
            os._exit(0)

    def _try_filter(self) -> None:
        seccomp.install_filter(os.getpid(), threads=True)


def _try_threads() -> None:
    """Start the maximum number of threads, and one more."""
    started = 0
    try:
        while started <= _TRIAL.threads:
            _thread.start_new_thread(signal.pause, ())
            started += 1
    except RuntimeError:
        if started == 0:
            raise OSError(0, "the kernel counts them with the worker's own") from None
    else:
        raise OSError(0, "the kernel does not bound them for this user")
