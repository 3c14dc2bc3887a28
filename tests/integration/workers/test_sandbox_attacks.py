"""Hostile code behind the sandbox: what it reaches, and what becomes of the next document.

Each attack is a document that runs as code inside its reader
(`tests/fixtures/documents/hostile_format.py`), on a worker that is root, on one that is not, and
on one in a container without namespaces and Landlock (`tests/fixtures/besieged_worker.py`).
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from workers.prepare.lockdown.kernel import MACHINE
from workers.prepare.lockdown.system_calls import ALLOWED, CLONE3, CONDITIONAL

ROOT = Path(__file__).parents[3]
WAYS = ("as it is", "another user", "bare")
SECRET = "do-not-tell"
ENVIRONMENT = {"DOCFLEET_REDIS_URL": f"redis://:{SECRET}@localhost", "PATH": "/usr/bin:/bin"}

# Room for descriptors: those of the document and of the place for errors.
FILES = """
os.close(0), os.close(2)
worker = "/proc/WORKER"
names = ("environ", "mem", "maps", "cmdline", "fd/0", "root/etc/passwd")
paths = [f"{worker}/{name}" for name in names]
paths += ["/proc/self/environ", "/proc/1/environ", "/proc/self/exe"]
paths += [SECRET, "/etc/passwd", "/", "."]
found = {path: tried(os.open, path, os.O_RDONLY) for path in paths}
found |= {f"stat {path}": tried(os.stat, path) for path in paths}
found |= {f"list {path}": tried(os.listdir, path) for path in paths}
found["write"] = tried(os.open, "/tmp/mine", os.O_CREAT | os.O_WRONLY)
found["temporary"] = tried(os.open, "/tmp", os.O_TMPFILE | os.O_WRONLY)
found["memory file"] = tried(os.memfd_create, "mine")
found["link"] = tried(os.symlink, SECRET, "/tmp/mine")
found["delete"] = tried(os.unlink, SECRET)
found["mode"] = tried(os.chmod, SECRET, 0o777)
"""

SOCKETS = """
os.close(0), os.close(2)
names = ("INET", "INET6", "UNIX", "NETLINK", "PACKET", "VSOCK")
kinds = [getattr(socket, f"AF_{name}") for name in names]
found = {str(kind): tried(socket.socket, kind, socket.SOCK_DGRAM) for kind in kinds}
found["pair"] = tried(socket.socketpair)
found["pipe"] = tried(os.pipe)
found["io_uring"] = tried(system_call, 425, 8, None)
"""

PROCESSES = """
worker = WORKER
prlimit = {"x86_64": 302, "aarch64": 261}[MACHINE]
found = {
    "fork": tried(os.fork),
    "thread": tried(threading.Thread(target=print).start),
    "program": tried(os.execv, "/bin/sh", ["sh", "-c", "id"]),
    "signal": tried(os.kill, worker, 0),
    "kill": tried(os.kill, worker, signal.SIGKILL),
    "kill all": tried(os.kill, -1, signal.SIGKILL),
    "kill init": tried(os.kill, 1, signal.SIGKILL),
    "pidfd": tried(os.pidfd_open, worker),
    "priority": tried(os.setpriority, os.PRIO_PROCESS, worker, 19),
    "limits": tried(resource.prlimit, worker, resource.RLIMIT_NOFILE),
    "own limits": tried(system_call, prlimit, 0, 0, ctypes.create_string_buffer(16), None),
    "clone3": tried(system_call, 435, None, 0),
    "pidfd_getfd": tried(system_call, 438, 0, 0, 0),
    "process_madvise": tried(system_call, 440, 0, None, 0, 0, 0),
    "user": tried(os.setuid, 0),
    "group": tried(os.setgroups, []),
}
"""

PTRACE = """
attach, seize, read_memory, write_memory, tgkill, queue, unshare, shm, keys = {
    "x86_64": (101, 101, 310, 311, 234, 129, 272, 29, 250),
    "aarch64": (117, 117, 270, 271, 131, 138, 97, 194, 219),
}[MACHINE]
worker = WORKER
found = {
    "attach": tried(system_call, attach, 16, worker, None, None),
    "seize": tried(system_call, seize, 0x4206, worker, None, None),
    "read memory": tried(system_call, read_memory, worker, None, 0, None, 0, 0),
    "write memory": tried(system_call, write_memory, worker, None, 0, None, 0, 0),
    "signal a thread": tried(system_call, tgkill, worker, worker, 9),
    "queue a signal": tried(system_call, queue, worker, 9, None),
    "namespaces": tried(system_call, unshare, 0x10000000),
    "shared memory": tried(system_call, shm, 0, 4096, 0o600),
    "keys": tried(system_call, keys, 0, -4 & 0xFFFFFFFF, 0),
}
"""

DESCRIPTORS = """
answers = {number: tried(os.lseek, number, 0, 1) for number in range(3, 5000)}
found = {number: answer for number, answer in answers.items() if answer != "EBADF"}
"""

CODE = """
page = mmap.mmap(-1, 4096)
start = ctypes.addressof(ctypes.c_char.from_buffer(page))
mprotect = {"x86_64": 10, "aarch64": 226}[MACHINE]
found = {
    "map": tried(mmap.mmap, -1, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC),
    "protect": tried(system_call, mprotect, start, 4096, 5),
}
"""

SWEEP = """
deadly = set(DEADLY)
found = {}
for number in range(600):
    if number not in deadly:
        found[number] = tried(system_call, number, 0, 0, 0, 0, 0, 0)
"""

THREADS = """
started, park = [], threading.Event()
answer = ""
while len(started) < 100 and not answer:
    thread = threading.Thread(target=park.wait, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        answer = str(error)
    else:
        started.append(thread)
found = {"started": len(started), "answer": answer, "fork": tried(os.fork)}
"""

WITHOUT_A_FILTER = (
    FILES
    + """
del found["stat /"], found["memory file"]  # an empty directory, and memory
os.closerange(0, 1), os.closerange(2, 3)
plain, local = socket.socket(), socket.socket(socket.AF_UNIX)
found |= {
    "connect": tried(plain.connect, ("127.0.0.1", 9)),
    "send": tried(plain.sendto, b"x", ("127.0.0.1", 9)),
    "abstract": tried(local.connect, chr(0) + "docfleet"),
    "named": tried(local.connect, SECRET),
    "signal": tried(os.kill, WORKER, 0),
    "limits": tried(resource.prlimit, WORKER, resource.RLIMIT_NOFILE),
    "pidfd": tried(os.pidfd_open, WORKER),
    "attach": tried(system_call, {"x86_64": 101, "aarch64": 117}[MACHINE], 16, WORKER, None, None),
    "user": tried(os.setuid, 0),
    "namespaces": tried(system_call, {"x86_64": 272, "aarch64": 97}[MACHINE], 0x10000000),
    "fork": tried(os.fork),
    "program": tried(os.execv, "/bin/sh", ["sh"]),
}
"""
)

ATTACKS = {
    "files": FILES,
    "sockets": SOCKETS,
    "processes": PROCESSES,
    "ptrace": PTRACE,
    "code": CODE,
}
PROBES = {335, 336}
"""On x86-64 the kernel's probes return by these: no filter sees them, nobody else may use them."""
DEADLY = PROBES | {
    getattr(ALLOWED[name], MACHINE)
    for name in ("rt_sigreturn", "restart_syscall", "exit", "exit_group")
}


def hostile(code: str, mark: str = "\x7fELF") -> str:
    """A document that its reader runs."""
    return f"{mark}\nMACHINE = {MACHINE!r}\n{code.replace('DEADLY', repr(DEADLY))}"


class Siege(NamedTuple):
    """Outcome of all attacks on one worker."""

    way: str
    off: dict[str, str]
    landlock: int
    found: dict[str, Any]
    """By attack: what its code found, or the failure."""
    last: dict[str, str]
    """Outcome of an honest document after them."""


@pytest.fixture(scope="module", params=WAYS)
def siege(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Siege:
    """All attacks on a worker that stands so, one after another, and an honest document."""
    documents = {name: hostile(code) for name, code in ATTACKS.items()}
    documents |= {
        "descriptors": hostile(DESCRIPTORS),
        "sweep": hostile(SWEEP),
        "other convention": hostile("found = system_call(0x40000000 | 39)"),
        "crash": hostile("found = ctypes.string_at(1)"),
        "abort": hostile("os.abort()"),
        "silence": hostile("os._exit(0)"),
        "lie": hostile('os.write(1, b\'{"code":"worker.killed","message":"x"}\'); os._exit(0)'),
        "flood": hostile("while True: os.write(1, bytes(65536))"),
        "threads": hostile(THREADS, "{\\rtf"),
        "honest": "Claim 4711",
    }
    folder = tmp_path_factory.mktemp("besieged")
    off, landlock, outcomes = attacked(request.param, folder, list(documents.values()))
    found = dict(zip(documents, outcomes, strict=True))
    return Siege(request.param, off, landlock, found, found.pop("honest"))


def attacked(
    way: str, folder: Path, documents: list[str]
) -> tuple[dict[str, str], int, list[dict[str, str]]]:
    """Layers that are off, Landlock's version, and what became of each document."""
    worker = subprocess.run(
        (sys.executable, ROOT / "tests/fixtures/besieged_worker.py", way, folder),
        input=json.dumps(documents),
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert worker.returncode == 0, worker.stderr
    said = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return said["off"], said["landlock"], said["outcomes"]


def answers(siege: Siege, attack: str) -> dict[Any, str]:
    """Return the findings of the attack's code."""
    found: dict[Any, str] = ast.literal_eval(siege.found[attack]["text"])
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_code_reaches_nothing(siege: Siege, attack: str) -> None:
    """Not a secret, a file, a socket, another process, or memory to run code from."""
    found = answers(siege, attack)
    refusals = {"EPERM", "ENOSYS", "EAGAIN"}
    assert len(found) > 1
    assert {what: said for what, said in found.items() if said not in refusals} == {}


def test_no_descriptor_of_the_worker_or_the_zygote_is_left(siege: Siege) -> None:
    """A reader has the document, the pipe for its answer, and a place for errors."""
    assert answers(siege, "descriptors") == {}


def test_no_system_call_beyond_the_list_is_made(siege: Siege) -> None:
    """Each number that the machine has is tried, with arguments of 0."""
    made = {number for number, answer in answers(siege, "sweep").items() if answer != "EPERM"}
    made.discard(CLONE3.x86_64)
    listed = [*ALLOWED.values(), *(numbers for numbers, _ in CONDITIONAL.values())]
    assert made == {getattr(numbers, MACHINE) for numbers in listed} - DEADLY - {None}


@pytest.mark.parametrize("attack", ["other convention", "crash", "abort", "flood"])
def test_a_crash_is_the_documents_fault(siege: Siege, attack: str) -> None:
    """So is an answer without end, or a system call of another convention: they end the reader."""
    if attack == "other convention" and MACHINE != "x86_64":
        pytest.skip("only x86-64 has system calls of another convention")
    assert siege.found[attack]["code"] == "document.exhausting"


@pytest.mark.parametrize("attack", ["silence", "lie"])
def test_an_answer_that_makes_no_sense_is_a_failure_of_its_own(siege: Siege, attack: str) -> None:
    """Neither does a reader speak for the fleet: a code of another kind is not taken."""
    assert siege.found[attack]["code"] == "worker.error"


def test_threads_are_bounded_where_a_reader_may_start_them(siege: Siege) -> None:
    """And they start: a reader that was given three has three; processes it has none."""
    found = answers(siege, "threads")
    bounded = (3, "can't start new thread")
    expected = (100, "") if "threads" in siege.off else bounded
    assert (found["started"], found["answer"]) == expected
    assert found["fork"] == "EPERM"


def test_the_worker_serves_the_next_document(siege: Siege) -> None:
    """After all of the attacks."""
    assert siege.last == {"text": "Claim 4711"}


def test_each_layer_that_the_machine_allows_is_on(siege: Siege) -> None:
    """Other programs see the layers; in the container only the filter is left."""
    if siege.way == "bare":
        assert siege.off.keys() == {"network", "landlock", "user", "processes", "root", "threads"}
        return
    root = os.geteuid() == 0 and siege.way == "as it is"
    wanted = ["unshare", "--net", "--pid", "--fork", *(() if root else ("--user",)), "true"]
    namespaces = {"network", "processes", "root"}
    allowed = subprocess.run(wanted, check=False, capture_output=True).returncode == 0
    assert "seccomp" not in siege.off
    assert namespaces & siege.off.keys() == (set() if allowed else namespaces)
    assert ("user" in siege.off) is not root
    assert ("landlock" in siege.off) is not (siege.landlock > 0)


def test_the_other_layers_hold_without_the_filter(tmp_path: Path) -> None:
    """Each attack meets two of them; what one lets pass, another does not."""
    off, _, outcomes = attacked("without a filter", tmp_path, [hostile(WITHOUT_A_FILTER)])
    if off.keys() != {"seccomp"}:
        pytest.skip(f"this machine does not allow the other layers: {off}")
    assert "text" in outcomes[0], outcomes
    found = ast.literal_eval(outcomes[0]["text"])
    assert {what: said for what, said in found.items() if said.startswith("REACHED")} == {}
