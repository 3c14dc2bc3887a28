"""The digest of a base model, kept beside its weights so that gigabytes are read once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import structlog

from adapters.safetensors import digest
from workers.errors import EngineStartError

log = structlog.get_logger(__name__)

_DIGEST_FILE = ".docfleet-digest.json"


def model_digest(model_dir: Path) -> str:
    """Return the sha256 of a model's config and weights.

    Store it in a file in the directory, if possible, so that gigabytes are read only once.

    Raises:
        EngineStartError: A file cannot be read, or there are no weights.
    """
    weights = sorted(model_dir.glob("*.safetensors")) or sorted(model_dir.glob("*.bin"))
    if not weights:
        raise EngineStartError(f"{model_dir} holds no weights: no *.safetensors.")
    paths = [model_dir / "config.json", *weights]
    try:
        stamp = {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}
        kept = _kept_digest(model_dir / _DIGEST_FILE, stamp)
        if kept is not None:
            return kept
        sha256 = digest(paths)
    except OSError as error:
        raise EngineStartError(f"The model cannot be read: {error}") from error
    _keep_digest(model_dir / _DIGEST_FILE, stamp, sha256)
    return sha256


def _kept_digest(file: Path, stamp: dict[str, list[int]]) -> str | None:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return str(kept["sha256"]) if kept["stamp"] == stamp else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep_digest(file: Path, stamp: dict[str, list[int]], sha256: str) -> None:
    try:
        building = file.with_suffix(f".{os.getpid()}")
        building.write_text(json.dumps({"sha256": sha256, "stamp": stamp}), encoding="utf-8")
        building.rename(file)
    except OSError as error:
        log.warning("the model's digest is computed at each start", error=str(error))
