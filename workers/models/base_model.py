"""Base models and their directories."""

from __future__ import annotations

import json
from pathlib import Path

import structlog

from adapters.errors import WeightsError
from adapters.layers import Layers, base_layers
from settings.errors import SettingsError
from workers.errors import EngineStartError
from workers.models.prepared_model import find_prepared, gguf_names, prepare_model

log = structlog.get_logger(__name__)

_PACKAGE = "package:"
_QUANTISED_KEYS = ("quantization_config", "compression_config")


def locate_model(source: str) -> Path:
    """Return the directory of a base model; make or download it first if needed.

    Args:
        source: A directory; `package:NAME` for a GGUF inside the installed package NAME, which is
            unpacked once into the user's cache; or a Hugging Face name, which is downloaded into
            the Hugging Face cache.

    Raises:
        EngineStartError: There is no such model; the message gives a remedy.
    """
    if source.startswith(_PACKAGE):
        return prepare_model(source.removeprefix(_PACKAGE))
    directory = Path(source).expanduser()
    if (directory / "config.json").is_file():
        return directory.absolute()
    if directory.exists():
        raise EngineStartError(f"{directory} holds no model: it has no config.json.")
    if not _is_hugging_face_name(source):
        raise EngineStartError(f"The model directory {directory} does not exist.")
    return _from_hugging_face(source, here=False)


def find_model(source: str) -> Path | None:
    """Return the directory of a base model if it is on this machine; make and download nothing.

    Args:
        source: See `locate_model`.
    """
    try:
        if source.startswith(_PACKAGE):
            return find_prepared(source.removeprefix(_PACKAGE))
        directory = Path(source).expanduser()
        if (directory / "config.json").is_file():
            return directory.absolute()
        if directory.exists() or not _is_hugging_face_name(source):
            return None
        return _from_hugging_face(source, here=True)
    except (EngineStartError, SettingsError):
        return None


def known_layers(model_dir: Path | None) -> Layers | None:
    """Return the linear layers of a base model; None where they cannot be known."""
    if model_dir is None:
        return None
    try:
        return base_layers(model_dir)
    except WeightsError as error:
        log.warning("adapters cannot be compared with the base model", reason=str(error))
        return None


def other_names(source: str) -> tuple[str, ...]:
    """Return names, beside its source, by which an adapter may mean a base model."""
    if not source.startswith(_PACKAGE):
        return ()
    try:
        return gguf_names(source.removeprefix(_PACKAGE))
    except EngineStartError:
        return ()


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


def quantization_method(model_dir: Path) -> str | None:
    """Return the method with which a model's weights are quantized, in vLLM's words.

    Args:
        model_dir: Directory with a `config.json`.

    Returns:
        None where the config names no quantization or cannot be read; "" where it does not say
        which method.
    """
    try:
        config = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # vLLM reports the error
    if not isinstance(config, dict):
        return None
    found = next((config[key] for key in _QUANTISED_KEYS if config.get(key) is not None), None)
    if found is None:
        return None
    return str(found.get("quant_method") or "") if isinstance(found, dict) else ""
