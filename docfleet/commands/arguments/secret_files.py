"""A folder with one secret a file, as containers read them: what is missing is made up."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from docfleet.errors import BadUsageError
from docfleet.stack.state_dir import Secrets

_MODE = 0o440
"""Its owner and its group may read a secret: each server runs as a user of its own."""


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
"""How each is made up, by the name of its file."""
_NAMES = ", ".join(SECRET_FILES)


def fill(folder: Path) -> list[str]:
    """Make up the secrets that a folder lacks; gives the names of their files.

    Raises:
        BadUsageError: One is empty or cannot be read, or one is missing and cannot be made.
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
    """Put copies of some secrets into another folder, and take the rest of them out of it.

    Args:
        folder: Holds all secrets.
        target: Is read by a service that needs these alone.
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
    """A whole file or none."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(secret + "\n", encoding="utf-8")
    unfinished.chmod(_MODE)
    unfinished.replace(path)
