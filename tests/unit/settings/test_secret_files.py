"""Secrets that come in files: what is read, what wins, and what errors say."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings.errors import SettingsError
from settings.fleet import FleetSettings, load_settings


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A fleet's file with nothing in it."""
    path = tmp_path / "fleet.toml"
    path.write_text("")
    return path


def revealed(settings: FleetSettings, name: str) -> str:
    """A secret's value."""
    return str(getattr(settings, name).get_secret_value())


def test_a_secret_is_read_from_the_file_that_its_variable_names(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newline that editors leave is no part of it."""
    (fleet.parent / "key").write_text("df_0123\n")
    monkeypatch.setenv("DOCFLEET_API_KEY_FILE", str(fleet.parent / "key"))
    assert revealed(load_settings(fleet), "api_key") == "df_0123"


def test_the_variable_itself_wins_over_the_file(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment comes first, as for every other setting."""
    (fleet.parent / "key").write_text("of the file")
    monkeypatch.setenv("DOCFLEET_API_KEY_FILE", str(fleet.parent / "key"))
    monkeypatch.setenv("DOCFLEET_API_KEY", "of the environment")
    assert revealed(load_settings(fleet), "api_key") == "of the environment"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"DOCFLEET_API_KEY_FILE: .*key cannot be read: No such file"),
        (b" \n", r"DOCFLEET_API_KEY_FILE: .*key is empty"),
        (b"\xff\xfe", r"DOCFLEET_API_KEY_FILE: .*key cannot be read: it is no text"),
    ],
)
def test_a_file_without_a_secret_is_an_error_that_names_variable_and_file(
    fleet: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    """A part must not start as if it had been given none."""
    if content is not None:
        (fleet.parent / "key").write_bytes(content)
    monkeypatch.setenv("DOCFLEET_API_KEY_FILE", str(fleet.parent / "key"))
    with pytest.raises(SettingsError, match=said):
        load_settings(fleet)


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("redis://redis:6379/0", "redis://:p%40ss%2Fword@redis:6379/0"),
        ("rediss://[::1]:6379", "rediss://:p%40ss%2Fword@[::1]:6379"),
        ("redis://fleet@redis:6379/0", "redis://fleet:p%40ss%2Fword@redis:6379/0"),
        ("redis://fl%40eet:@[::1]/0", "redis://fl%40eet:p%40ss%2Fword@[::1]/0"),
        ("redis://fleet:known@redis:6379/0", "redis://fleet:known@redis:6379/0"),
        ("redis://:known@redis:6379/0", "redis://:known@redis:6379/0"),
    ],
)
def test_a_password_of_its_own_goes_into_a_url_that_has_none(
    fleet: Path, monkeypatch: pytest.MonkeyPatch, url: str, whole: str
) -> None:
    """So that Redis and its clients can read the same file."""
    (fleet.parent / "password").write_text("p@ss/word\n")
    monkeypatch.setenv("DOCFLEET_REDIS_URL", url)
    monkeypatch.setenv("DOCFLEET_REDIS_PASSWORD_FILE", str(fleet.parent / "password"))
    assert revealed(load_settings(fleet), "redis_url") == whole


def test_a_password_without_a_url_makes_no_url(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no Redis to be assumed."""
    monkeypatch.setenv("DOCFLEET_REDIS_PASSWORD", "secret")
    assert load_settings(fleet).redis_url is None
