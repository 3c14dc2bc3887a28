"""The folder of secrets: what is made up, what stays, and what cannot be used."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from docfleet.commands.arguments.secret_files import SECRET_FILES, copy, fill
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
    """A user's own key stays."""
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
    """The secret is not generated: somebody put the file there."""
    (tmp_path / "redis_password").write_text("\n")
    with pytest.raises(BadUsageError, match=r"redis_password is empty"):
        fill(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error_that_names_the_secret(tmp_path: Path) -> None:
    """The owner has to put the missing secret there."""
    with pytest.raises(BadUsageError, match=r"none/api_key is missing and cannot be made up"):
        fill(tmp_path / "none")


def test_a_service_is_given_its_secrets_as_they_are_now_and_no_others(tmp_path: Path) -> None:
    """A secret that is replaced, or that the service needs no more, is gone from its folder."""
    folder, target = tmp_path / "all", tmp_path / "api"
    folder.mkdir()
    target.mkdir()
    fill(folder)
    copy(folder, target, ["api_key", "redis_password"])
    (folder / "api_key").chmod(0o600)
    (folder / "api_key").write_text("another\n")
    copy(folder, target, ["api_key"])
    assert [path.name for path in target.iterdir()] == ["api_key"]
    assert (target / "api_key").read_text() == "another\n"
    assert (target / "api_key").stat().st_mode & 0o777 == 0o440


def test_a_secret_that_is_none_and_a_folder_that_is_not_there_are_errors(tmp_path: Path) -> None:
    """Each says what to do."""
    fill(tmp_path)
    with pytest.raises(BadUsageError, match=r"no secret is called 'api_keys'; there are: api_key,"):
        copy(tmp_path, tmp_path, ["api_keys"])
    with pytest.raises(BadUsageError, match=r"none cannot be given its secrets: No such file"):
        copy(tmp_path, tmp_path / "none", ["api_key"])
