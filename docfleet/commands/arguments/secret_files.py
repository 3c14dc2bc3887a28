"""A folder with one file for each secret, as containers read them; missing ones are generated."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from docfleet.errors import BadUsageError
from docfleet.stack.state_dir import Secrets

_MODE = 0o440
"""Mode of a secret: its owner and its group may read it, since each server is a user of its own."""


def _s3_credentials(made: Secrets) -> str:
    return (
        "[default]\n"
        f"aws_access_key_id = {made.s3_access_key}\n"
        f"aws_secret_access_key = {made.s3_secret_key}"
    )


SECRET_FILES: Mapping[str, Callable[[Secrets], str]] = {
    "api_key": lambda made: made.api_key,
    "callback_secret": lambda made: made.callback_secret,
    "encryption_keys": lambda made: made.encryption_key,
    "events_token": lambda made: made.events_token,
    "grafana_password": lambda _: secrets.token_urlsafe(18),
    "redis_password": lambda made: made.redis_password,
    "s3_credentials": _s3_credentials,
}
"""Generator of each secret, by the name of its file."""
_NAMES = ", ".join(SECRET_FILES)


def fill(folder: Path) -> list[str]:
    """Generate the secrets that a folder lacks; return the names of their files.

    Raises:
        BadUsageError: A secret is empty or unreadable, or a missing one cannot be created.
    """
    missing = [name for name in SECRET_FILES if not _is_there(folder / name)]
    made = Secrets()
    for name in missing:
        try:
            _write(folder / name, SECRET_FILES[name](made))
        except OSError as error:
            raise BadUsageError(
                f"the secret {folder / name} is missing and cannot be made up: {error.strerror}."
                f" Put it there, or let user {os.getuid()} write to the folder."
            ) from error
    return missing


def copy(folder: Path, target: Path, names: Sequence[str]) -> None:
    """Copy some secrets into another folder, and remove all others from it.

    Args:
        folder: Holds all secrets.
        target: Folder of a service that needs only these.
        names: Their files.

    Raises:
        BadUsageError: There is no secret of a name, or the folder cannot be written.
    """
    if unknown := sorted(set(names) - SECRET_FILES.keys()):
        raise BadUsageError(f"no secret is called {unknown[0]!r}; there are: {_NAMES}")
    try:
        for name in SECRET_FILES.keys() - set(names):
            (target / name).unlink(missing_ok=True)
        for name in names:
            _write(target / name, (folder / name).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise BadUsageError(
            f"{target} cannot be given its secrets: {error.strerror}."
            f" Let user {os.getuid()} write to it."
        ) from error


def _is_there(path: Path) -> bool:
    try:
        if path.read_text(encoding="utf-8").strip():
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadUsageError(
            f"the secret {path} cannot be read by user {os.getuid()}: {error.strerror}"
        ) from error
    raise BadUsageError(f"the secret {path} is empty")


def _write(path: Path, secret: str) -> None:
    """Write a whole file or none."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(secret + "\n", encoding="utf-8")
    unfinished.chmod(_MODE)
    unfinished.replace(path)
