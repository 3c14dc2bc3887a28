"""The process environment: variables that are read, and the environment of child processes.

fleet.py reads the settings of the fleet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from os import environ  # noqa: TID251  # this is the place where it is read
from pathlib import Path

from settings.errors import SettingsError

CONFIG_VARIABLE = "DOCFLEET_CONFIG"
STATE_DIR_VARIABLE = "DOCFLEET_STATE_DIR"

REDIS_URL_VARIABLE = "DOCFLEET_REDIS_URL"

CONNECTION_VARIABLES = (
    "DOCFLEET_API_URL",
    "DOCFLEET_API_KEY",
    "DOCFLEET_CALLBACK_SECRET",
    "DOCFLEET_CALLBACK_URL",
    "DOCFLEET_ENCRYPTION_KEYS",
    REDIS_URL_VARIABLE,
    "AWS_ENDPOINT_URL_S3",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "DOCFLEET_INCOMING_BUCKET",
    "DOCFLEET_RESULTS_BUCKET",
)
"""Variables that a client needs to reach a stack."""

_OTHER_ACCOUNTS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ENDPOINT_URL",
)
"""Variables that would send a part to another object store, or break its credentials."""

_FOR_SERVERS = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")


def user_cache() -> Path:
    """Return the folder of files that can be made again, for all fleets of a user.

    Raises:
        SettingsError: The user has no home directory.
    """
    given = Path(environ.get("XDG_CACHE_HOME", ""))
    try:
        caches = given if given.is_absolute() else Path.home() / ".cache"
    except RuntimeError as error:
        raise SettingsError("this user has no home: set XDG_CACHE_HOME to a folder") from error
    return caches / "docfleet"


def connection_variables() -> dict[str, str]:
    """Return the variables of CONNECTION_VARIABLES that are set and not empty."""
    return {name: value for name in CONNECTION_VARIABLES if (value := environ.get(name))}


def object_store_url() -> str:
    """Return the object store's URL in the environment; empty for AWS."""
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""


def apply_environment(changes: Mapping[str, str]) -> None:
    """Set variables for this process and for its later children.

    When the credentials change, variables of our own account that would break them are removed.
    """
    if changes.get("AWS_ACCESS_KEY_ID", "") not in {"", environ.get("AWS_ACCESS_KEY_ID")}:
        for name in _OTHER_ACCOUNTS:
            environ.pop(name, None)
    environ.update(changes)


def part_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a part of the local stack: this one with changes.

    Args:
        changes: Endpoints, credentials and settings of the stack, which win.
    """
    kept = {name: value for name, value in environ.items() if name not in _OTHER_ACCOUNTS}
    local = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": _with_loopback(kept.get("NO_PROXY", kept.get("no_proxy", ""))),
        "PYTHONUNBUFFERED": "1",
    }
    local["no_proxy"] = local["NO_PROXY"]
    return {**kept, **local, **changes}


def server_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a third-party server: a small part of this one, with changes."""
    kept = {name: environ[name] for name in _FOR_SERVERS if name in environ}
    return {**kept, **changes}


def with_python_path(environment: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the same environment, with a folder in Python's path."""
    folders = [folder, environment.get("PYTHONPATH", "")]
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, folders))}


def _with_loopback(no_proxy: str) -> str:
    hosts = [host for host in no_proxy.split(",") if host]
    return ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))
