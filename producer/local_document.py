"""Local files for submission, and the checks before anything is sent."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from producer.errors import DocumentFileError

_SUFFIX = re.compile(r"\.[a-z0-9]{1,16}")


def check_document(path: Path, *, max_bytes: int) -> None:
    """Raise DocumentFileError unless there is a file with 1 to max_bytes bytes."""
    try:
        is_file, size = path.is_file(), path.stat().st_size
    except FileNotFoundError:
        raise DocumentFileError(f"{path} does not exist") from None
    except OSError as error:
        raise DocumentFileError(f"{path} cannot be read: {error.strerror}") from error
    if not is_file:
        raise DocumentFileError(f"{path} is no file: name the documents one by one")
    if size == 0:
        raise DocumentFileError(f"{path} is empty: 0 bytes")
    if size > max_bytes:
        raise DocumentFileError(
            f"{path} has {size:,} bytes; limits.document_bytes in fleet.toml is {max_bytes:,}"
        )


def read_local_document(path: Path, *, max_bytes: int) -> bytes:
    """Return the file's bytes.

    Raises:
        DocumentFileError: The file fails check_document, or cannot be read.
    """
    check_document(path, max_bytes=max_bytes)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DocumentFileError(f"{path} cannot be read: {error.strerror}") from error


def key_suffix(path: PurePath) -> str:
    """Return the file's suffix for a key, such as `.pdf`; an empty text for an unusual one."""
    suffix = path.suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) else ""
