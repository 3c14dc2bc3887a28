"""Installed packages are the pinned ones: the hashes belong to the pins, and are checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONSTRAINTS = ROOT / "constraints"
UNHASHED = {"torch==2.13.0+cpu"}
"""Packages that are in no package index."""


def pins(name: str) -> set[str]:
    """Each NAME==VERSION of a file."""
    return set(re.findall(r"^\S+==\S+", (CONSTRAINTS / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("extra", ["cpu", "gpu"])
def test_each_pin_has_hashes_and_nothing_else_has(extra: str) -> None:
    """`make hashes` writes them again after a change of the pins."""
    assert pins(f"{extra}.hashes") == pins(f"{extra}.txt"), "run `make hashes`"
    text = (CONSTRAINTS / f"{extra}.hashes").read_text()
    hashed = set(re.findall(r"^(\S+==\S+) \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE))
    assert pins(f"{extra}.hashes") - hashed <= UNHASHED
    assert "://" not in text


def test_images_install_nothing_without_its_hash() -> None:
    """But for the CPU build of torch, of which no index has any."""
    script = (ROOT / "infra" / "docker" / "install.sh").read_text()
    function = r"^dependencies\(\) \{\n(.*?)^\}"
    (dependencies,) = re.findall(function, script, re.MULTILINE | re.DOTALL)
    installs = re.findall(r"install --(?:[^\n]|\\\n)*[^\\]\n", dependencies)
    assert len(installs) == 5
    loose = [one for one in installs if "--require-hashes" not in one]
    assert len(loose) == 1
    assert "--extra cpu" in loose[0]
    assert all(".hashes" in one for one in installs)


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    """By the very options that the images use."""
    wheel = tmp_path / "docfleet_probe-1.0-py3-none-any.whl"
    program = (
        "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], 'w');"
        "i = 'docfleet_probe-1.0.dist-info/';"
        "z.writestr(i + 'METADATA', 'Metadata-Version: 2.1\\nName: docfleet-probe\\nVersion: 1.0');"
        "z.writestr(i + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any');"
        "z.writestr(i + 'RECORD', '')"
    )
    subprocess.run([sys.executable, "-c", program, str(wheel)], check=True)
    hashes = tmp_path / "probe.hashes"
    hashes.write_text(f"docfleet-probe==1.0 --hash=sha256:{'0' * 64}\n")
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run(
        [
            str(uv), "pip", "install", "--no-index", "--find-links", str(tmp_path),
            "--target", str(tmp_path / "target"), "--require-hashes",
            "--constraint", str(hashes), "docfleet-probe==1.0",
        ],
        env={"PATH": os.defpath, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Hash mismatch" in done.stderr


def test_the_images_have_the_bases_that_their_dockerfiles_name() -> None:
    """Said in both, so that either can be built alone; `.env` may name others, by digest."""
    compose = (ROOT / "docker-compose.yml").read_text()
    told = dict(re.findall(r"\$\{(PYTHON_IMAGE|CUDA_IMAGE):-([^}]+)\}", compose))
    for path in (ROOT / "infra" / "docker").glob("*.Dockerfile"):
        ((name, image),) = re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", path.read_text(), re.MULTILINE)
        assert told[name] == image, path.name
