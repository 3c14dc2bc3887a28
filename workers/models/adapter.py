"""LoRA adapters as an engine loads them: verified against its base model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.errors import AdapterError, AdapterMissingError, WeightsError
from adapters.layers import base_layers
from adapters.verification import verify_adapter as verify_directory
from schemas.failure import FailureCode
from schemas.job import AdapterVersion
from workers.errors import StageError


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter that has been verified against the base model.

    Attributes:
        name: Name for the engine, with a part of the digest: other weights have another name.
        path: Its directory.
        sha256: Digest of its config and its weights.
        rank: The highest rank of its modules.
        label: Name in results.
        version: Version in the registry; None for a directory that a task's file names.
    """

    name: str
    path: Path
    sha256: str
    rank: int
    label: str = ""
    version: str | None = None

    def shown(self) -> AdapterVersion:
        """Return the adapter as a result names it."""
        return AdapterVersion(
            name=self.label or self.name, version=self.version, sha256=self.sha256
        )


def verify_adapter(path: Path, base_dir: Path | None, max_rank: int) -> Adapter:
    """Return the adapter of a directory, if it can run on a base model.

    Args:
        path: Directory with `adapter_config.json` and `adapter_model.safetensors`.
        base_dir: The base model, with its config and weights; None where they are away.
        max_rank: Maximum rank that the pool takes.

    Raises:
        StageError: `adapter.missing` or `adapter.invalid`; the message gives the reason.
    """
    path = path.absolute()
    with adapter_failures():
        try:
            layers = None if base_dir is None else base_layers(base_dir)
        except WeightsError as error:
            raise AdapterError(f"Adapter {path}: {error}") from error
        found = verify_directory(path, layers, max_rank)
    return Adapter(
        name=f"{path.name}-{found.sha256[:12]}",
        path=path,
        sha256=found.sha256,
        rank=found.rank,
        label=path.name,
    )


@contextmanager
def adapter_failures() -> Iterator[None]:
    """Turn an adapter's faults into failures of the stage."""
    try:
        yield
    except AdapterMissingError as error:
        raise StageError(FailureCode.ADAPTER_MISSING, str(error)) from error
    except AdapterError as error:
        raise StageError(FailureCode.ADAPTER_INVALID, str(error)) from error
