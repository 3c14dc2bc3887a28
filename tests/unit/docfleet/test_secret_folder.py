"""The folder of secrets: what is made up, what stays, and what cannot be used."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from docfleet.commands.secret_files import SECRET_FILES, fill
from docfleet.errors import BadUsageError
from settings.fleet import load_settings


def test_every_missing_secret_is_made_up_once(tmp_path: Path) -> None:
    """A second call changes nothing."""
    assert sorted(fill(tmp_path)) == sorted(SECRET_FILES)
    first = {name: (tmp_path / name).read_text() for name in SECRET_FILES}
    assert fill(tmp_path) == []
    assert {name: (tmp_path / name).read_text() for name in SECRET_FILES} == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SECRET_FILES)


def test_a_secret_that_is_there_stays(tmp_path: Path) -> None:
    """Whoever brings his own key keeps it."""
    (tmp_path / "api_key").write_text("mine")
    assert "api_key" not in fill(tmp_path)
    assert (tmp_path / "api_key").read_text() == "mine"


def test_what_is_made_up_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings take each of them, and boto3 can read its credentials."""
    fill(tmp_path)
    fleet = tmp_path / "fleet.toml"
    fleet.write_text("")
    names = set(SECRET_FILES) - {"grafana_password", "s3_credentials"}
    for name in names:
        monkeypatch.setenv(f"DOCFLEET_{name.upper()}_FILE", str(tmp_path / name))
    monkeypatch.setenv("DOCFLEET_REDIS_URL", "redis://redis")
    settings = load_settings(fleet)
    assert all(getattr(settings, name) is not None for name in names)
    credentials = configparser.ConfigParser()
    credentials.read(tmp_path / "s3_credentials")
    assert set(credentials["default"]) == {"aws_access_key_id", "aws_secret_access_key"}


def test_only_owner_and_group_may_read_a_secret(tmp_path: Path) -> None:
    """And nobody may write it."""
    fill(tmp_path)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in SECRET_FILES} == {0o440}


def test_an_empty_secret_is_an_error(tmp_path: Path) -> None:
    """It is not made up: somebody put it there."""
    (tmp_path / "redis_password").write_text("\n")
    with pytest.raises(BadUsageError, match=r"redis_password is empty"):
        fill(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error_that_names_the_secret(tmp_path: Path) -> None:
    """What is missing has to be put there by its owner."""
    with pytest.raises(BadUsageError, match=r"none/api_key is missing and cannot be made up"):
        fill(tmp_path / "none")
