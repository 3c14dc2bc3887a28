"""A ZIP archive from strangers: what its members may take, and how they can be bad."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from typing import IO, BinaryIO

from workers.prepare.formats.format import UnreadableError

_INFLATED_BYTES = 128 * 2**20
"""Most bytes of all members that are read."""
_MEMBERS = 10_000
_ENCRYPTED = 1  # A bit of a member's flags.
_SAMPLE = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def load_archives() -> None:
    """Import what zipfile imports as it meets members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as sample:
        for method in _SAMPLE:
            sample.writestr(str(method), b"a" * 100, method)
    archive = Archive(file.getvalue())
    for name in archive.names:
        archive.content(name)


class Archive:
    """An archive whose members can be read.

    Args:
        data: The whole file.

    Attributes:
        names: Names of its members, folders left out, in their order.

    Raises:
        UnreadableError: document.corrupt, document.too_large.
    """

    def __init__(self, data: bytes) -> None:
        self._left = _INFLATED_BYTES
        try:
            self._file = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
            raise UnreadableError(
                "document.corrupt",
                f"The file begins as a ZIP archive, but its {len(data):,} bytes are none.",
            ) from error
        members = [member for member in self._file.infolist() if not member.is_dir()]
        if len(members) > _MEMBERS:
            raise UnreadableError(
                "document.too_large",
                f"The archive has {len(members):,} members; the limit is {_MEMBERS:,}.",
            )
        self._members = {member.filename: member for member in members}
        self.names = dict.fromkeys(self._members)

    def content(self, name: str) -> bytes:
        """Return all bytes of a member.

        Raises:
            UnreadableError: document.encrypted, document.corrupt, document.too_large.
        """
        with self.open(name) as stream:
            return stream.read()

    def open(self, name: str) -> BinaryIO:
        """Open a member; reading it raises what `content` does.

        Raises:
            UnreadableError: document.encrypted, document.corrupt.
        """
        member = self._members[name]
        if member.flag_bits & _ENCRYPTED:
            raise UnreadableError("document.encrypted", "It opens with a password only.")
        try:
            return io.BufferedReader(_Member(self, self._file.open(member)))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise _damaged() from error

    def take(self, size: int) -> None:
        """Count bytes that were inflated.

        Raises:
            UnreadableError: document.too_large.
        """
        self._left -= size
        if self._left < 0:
            raise UnreadableError(
                "document.too_large",
                f"The archive's members inflate to more than {_INFLATED_BYTES:,} bytes.",
            )


class _Member(io.RawIOBase):
    """A member as it is inflated."""

    def __init__(self, archive: Archive, stream: IO[bytes]) -> None:
        self._archive = archive
        self._stream = stream

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader hands over
        """Inflate as many bytes as fit."""
        try:
            chunk = self._stream.read(len(buffer))
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
            raise _damaged() from error
        except (NotImplementedError, ValueError) as error:
            raise _damaged() from error
        self._archive.take(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _damaged() -> UnreadableError:
    return UnreadableError("document.corrupt", "A member of the archive is damaged.")
