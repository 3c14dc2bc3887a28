"""Headers, numbers and digests of safetensors files, read without torch.

A file is 8 bytes (the header's length), a JSON header, and the tensors' bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from adapters.errors import WeightsError

_LENGTH = struct.Struct("<Q")
_MOST_HEADER_BYTES = 100 * 2**20
_BLOCK_BYTES = 8 * 2**20
"""Bytes that are read at once; a multiple of every number's width."""
_PICKLES = (b"PK\x03\x04", b"\x80")
"""First bytes of files that torch.save writes."""
_WIDTHS = {
    "BOOL": 1, "I8": 1, "U8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I16": 2, "U16": 2,
    "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip
"""Bytes of a number, by dtype."""


def _marks(mask: int) -> bytes:
    """Return a table that turns each byte with all bits of a mask into 1, and any other into 0."""
    return bytes(int(byte & mask == mask) for byte in range(256))


_EXPONENTS = {
    "F16": ((1, _marks(0x7C)),),
    "BF16": ((1, _marks(0x7F)), (0, _marks(0x80))),
    "F32": ((3, _marks(0x7F)), (2, _marks(0x80))),
}
"""Bytes of a number that hold its exponent, by dtype, and the bits that NaN and infinity set."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file.

    Attributes:
        dtype: Type of its numbers, in the words of the format.
        shape: Its lengths.
        offset: First byte of its numbers in the file.
        size: Bytes of its numbers.
    """

    dtype: str
    shape: tuple[int, ...]
    offset: int = 0
    size: int = 0


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
            if start.startswith(_PICKLES) and length > size:
                raise WeightsError(f"{path} is a pickle, which can run code, and no safetensors.")
            if not 0 < length <= min(size, _MOST_HEADER_BYTES):
                raise WeightsError(f"{path} is no safetensors file.")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        begin = _LENGTH.size + length
        tensors = {name: _tensor(entry, begin) for name, entry in header.items()}
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise WeightsError(f"{path} has a damaged header.") from error
    end = max((tensor.offset + tensor.size for tensor in tensors.values()), default=begin)
    if size != end:
        raise WeightsError(f"{path} has {size} bytes and its header speaks of {end}.")
    return tensors


def _tensor(entry: Mapping[str, Any], begin: int) -> Tensor:
    """Return the tensor of a header's entry; raise ValueError for one that contradicts itself."""
    shape = tuple(entry["shape"])
    first, end = entry["data_offsets"]
    if not all(isinstance(number, int) and number >= 0 for number in (*shape, first, end - first)):
        raise ValueError("a length is no natural number")
    width = _WIDTHS.get(entry["dtype"])
    if width is not None and prod(shape) * width != end - first:
        raise ValueError("a shape does not fit its bytes")
    return Tensor(entry["dtype"], shape, begin + first, end - first)


def odd_tensor(path: Path, tensors: Mapping[str, Tensor]) -> str | None:
    """Return the first tensor with a NaN or an infinity in it, or None.

    Args:
        path: The safetensors file.
        tensors: Its tensors; those that are no floats of 16 or 32 bits are not looked at.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        for name, tensor in tensors.items():
            if tensor.dtype in _EXPONENTS and not _is_finite(file, tensor):
                return name
    return None


def _is_finite(file: BinaryIO, tensor: Tensor) -> bool:
    """Tell whether all numbers of a tensor are finite: no exponent has all of its bits set."""
    file.seek(tensor.offset)
    for start in range(0, tensor.size, _BLOCK_BYTES):
        block = file.read(min(_BLOCK_BYTES, tensor.size - start))
        full = -1  # all ones: each byte of the exponent clears those that are not full
        for place, table in _EXPONENTS[tensor.dtype]:
            column = block[place :: _WIDTHS[tensor.dtype]].translate(table)
            full &= int.from_bytes(column)
        if full:
            return False
    return True


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
