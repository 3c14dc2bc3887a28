"""The state directory: all files that outlive the processes of a local stack.

Secrets and ports are made once. The record of the running stack counts only while its lock is held:
without the lock, it is left over.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from docfleet.errors import BadUsageError, NoStackError, StackRunningError
from docfleet.processes.descendants import kill_family
from docfleet.stack.ports import Ports
from docfleet.stack.private_file import write_private
from docfleet.stack.record import StackRecord
from ledger.access.secret_box import new_encryption_key

_PATIENCE_SECONDS = 1.0
"""Maximum seconds to wait for the lock: a reader that looks for a running stack holds it for
microseconds."""


class Secrets(BaseModel):
    """Secrets of one state directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis_password: str = Field(default_factory=lambda: secrets.token_hex(24))
    s3_access_key: str = Field(default_factory=lambda: "DOCFLEET" + secrets.token_hex(6).upper())
    s3_secret_key: str = Field(default_factory=lambda: secrets.token_hex(24))
    api_key: str = Field(default_factory=lambda: "df_" + secrets.token_hex(24))
    events_token: str = Field(default_factory=lambda: secrets.token_hex(24))
    encryption_key: str = Field(default_factory=new_encryption_key)
    callback_secret: str = Field(
        default_factory=lambda: "whsec_" + b64encode(secrets.token_bytes(48)).decode()
    )


class StateDir:
    """One stack's directory.

    Args:
        path: Path, which may not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        digest = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()
        self.family = f"docfleet-{digest[:16]}"
        """Mark of the processes of this directory's stack, in this run and in earlier ones."""
        self._lock = self.path / "lock"
        self._stack = self.path / "stack.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory for a stack, and end the processes that an earlier one left.

        Raises:
            StackRunningError: Another process holds the directory.
            BadUsageError: The directory cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise BadUsageError(f"{self.path} cannot be used: {error.strerror}") from error
        try:
            if not _locks(descriptor, _PATIENCE_SECONDS):
                raise StackRunningError(
                    f"a stack runs in {self.path} already: see `docfleet ps`, or choose another"
                    " --state-dir"
                )
            self.forget_stack()
            kill_family(f"{self.family}.")
            yield
        finally:
            os.close(descriptor)

    def secrets(self) -> Secrets:
        """Return the directory's secrets, made when first asked for."""
        path = self.path / "secrets.json"
        if not path.exists():
            write_private(path, Secrets().model_dump_json(indent=2))
        try:
            found = Secrets.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise BadUsageError(f"{path} is damaged: {error.errors()[0]['msg']}") from error
        if found.model_fields_set != Secrets.model_fields.keys():
            # An earlier version made fewer secrets: store the new ones.
            write_private(path, found.model_dump_json(indent=2))
        return found

    def ports(self) -> Ports:
        """Return the directory's ports."""
        return Ports(self.path / "ports.json")

    def folder(self, name: str) -> Path:
        """Return a part's own folder, made when first asked for."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def record_stack(self, record: StackRecord) -> None:
        """Publish the record of the running stack."""
        write_private(self._stack, record.model_dump_json(indent=2))

    def record_metrics(self, addresses: Mapping[str, str]) -> None:
        """Write the addresses of the parts' metrics, in the form of Prometheus' `file_sd_configs`.

        Args:
            addresses: HOST:PORT by the part's name.
        """
        targets = [
            {"targets": [address], "labels": {"part": name}} for name, address in addresses.items()
        ]
        write_private(self.path / "metrics.json", json.dumps(targets, indent=2))

    def metrics(self) -> dict[str, str]:
        """Return the addresses of the parts' metrics, HOST:PORT by the part's name."""
        try:
            told = json.loads((self.path / "metrics.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {one["labels"]["part"]: one["targets"][0] for one in told}

    def forget_stack(self) -> None:
        """Delete the record of the running stack."""
        self._stack.unlink(missing_ok=True)
        (self.path / "metrics.json").unlink(missing_ok=True)

    def running_stack(self) -> StackRecord:
        """Return the record of the stack that runs in this directory.

        Raises:
            NoStackError: No stack is running.
        """
        nothing = NoStackError(
            f"no stack is running in {self.path}: start it with `docfleet up`, or name another"
            " --state-dir"
        )
        try:
            descriptor = os.open(self._lock, os.O_RDONLY)
            try:
                if _locks(descriptor, 0, shared=True):
                    raise nothing
            finally:
                os.close(descriptor)
            return StackRecord.model_validate_json(self._stack.read_bytes())
        except OSError:
            raise nothing from None


def _locks(descriptor: int, patience: float, *, shared: bool = False) -> bool:
    """Take the lock; return False when another process holds it for longer than these seconds."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    give_up_at = monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= give_up_at:
                return False
            sleep(0.01)
        else:
            return True
