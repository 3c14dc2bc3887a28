"""Headers and digests of safetensors files, read without torch.

A file is 8 bytes (the header's length), a JSON header, and the tensors' bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LENGTH = struct.Struct("<Q")
_MOST_HEADER_BYTES = 100 * 2**20


class WeightsError(Exception):
    """A weights file cannot be read or is damaged."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file."""

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, by name.

    Raises:
        WeightsError: The file is unreadable, no safetensors, or cut short.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(_LENGTH.size)
            length = _LENGTH.unpack(start)[0] if len(start) == _LENGTH.size else 0
            if not 0 < length <= min(size, _MOST_HEADER_BYTES):
                raise WeightsError(f"{path} is no safetensors file.")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        tensors = {
            name: Tensor(entry["dtype"], tuple(entry["shape"])) for name, entry in header.items()
        }
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise WeightsError(f"{path} has a damaged header.") from error
    if size != _LENGTH.size + length + end:
        raise WeightsError(
            f"{path} has {size} bytes and its header speaks of {_LENGTH.size + length + end}."
        )
    return tensors


def digest(paths: Iterable[Path]) -> str:
    """Return the sha256 of some files, with their names and sizes.

    Raises:
        OSError: One of them cannot be read.
    """
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
