"""Profiles and mixes: those that are shipped, and those of the user's files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from docfleet.errors import BadUsageError
from schemas.contract import Contract
from schemas.profile import Mix, Profile
from settings.gpus.errors import GpuSettingError
from settings.gpus.names import known_kind

_Read = TypeVar("_Read", bound=Contract)
_SUFFIXES = frozenset({".json", ".yaml", ".yml"})


def load_profile(name_or_path: str) -> Profile:
    """Return a profile.

    Args:
        name_or_path: Name of a shipped profile or alias of its GPU, or path of a JSON or YAML file.

    Raises:
        BadUsageError: There is none, or its file is not valid.
    """
    if _is_path(name_or_path):
        return _checked(_read(Path(name_or_path), Profile))
    shipped = {profile.name: profile for profile in shipped_profiles()}
    if found := shipped.get(name_or_path.lower()):
        return found
    try:
        gpu = known_kind(name_or_path).name
    except GpuSettingError:
        gpu = ""
    for profile in shipped.values():
        if profile.gpu == gpu:
            return profile
    raise BadUsageError(
        f"there is no profile {name_or_path!r}: name a .json or .yaml file, or one of "
        f"{', '.join(shipped)}"
    )


def load_mix(name_or_path: str) -> Mix:
    """Return a mix of documents.

    Args:
        name_or_path: Name of a shipped mix, or path of a JSON or YAML file.

    Raises:
        BadUsageError: There is none, or its file is not valid.
    """
    if _is_path(name_or_path):
        return _read(Path(name_or_path), Mix)
    shipped = {mix.name: mix for mix in _shipped("mixes", Mix)}
    if found := shipped.get(name_or_path.lower()):
        return found
    raise BadUsageError(
        f"there is no mix {name_or_path!r}: name a .json or .yaml file, or one of "
        f"{', '.join(shipped)}"
    )


def shipped_profiles() -> list[Profile]:
    """Return the profiles that docfleet ships, by name."""
    return [_checked(profile) for profile in _shipped("profiles", Profile)]


def _is_path(name: str) -> bool:
    return Path(name).suffix.lower() in _SUFFIXES or "/" in name


def _shipped(folder: str, model: type[_Read]) -> Iterator[_Read]:
    for entry in sorted(files("docfleet.planning").joinpath(folder).iterdir(), key=str):
        if Path(entry.name).suffix == ".yaml":
            yield model.model_validate(yaml.safe_load(entry.read_text(encoding="utf-8")))


def _read(path: Path, model: type[_Read]) -> _Read:
    parse = json.loads if path.suffix.lower() == ".json" else yaml.safe_load
    try:
        content: Any = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadUsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise BadUsageError(f"{path} is neither JSON nor YAML") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"])) or "the file"
        words = problem["msg"].removeprefix("Value error, ")
        raise BadUsageError(f"{path}: {key}: {words}") from error


def _checked(profile: Profile) -> Profile:
    """Return a profile with the table's name of its GPU."""
    try:
        return profile.model_copy(update={"gpu": known_kind(profile.gpu).name})
    except GpuSettingError as error:
        raise BadUsageError(f"profile {profile.name}: {error}") from error
