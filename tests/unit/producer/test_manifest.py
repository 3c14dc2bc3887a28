"""Entries of a manifest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.drops.manifest import folder_of, folders_of, read_manifest
from producer.errors import ManifestError

KEY = "packets/7/all.manifest.json"


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        (b'["a.pdf", "sub/b c.pdf"]', {"packets/7/a.pdf": {}, "packets/7/sub/b c.pdf": {}}),
        (b'["packets/7/a.pdf"]', {"packets/7/a.pdf": {}}),
        (b'["a.pdf", "all.manifest.json", "packets/7/a.pdf"]', {"packets/7/a.pdf": {}}),
        (b"[]", {}),
        (
            b'{"documents": [{"key": "a.pdf", "metadata": {"claim": "7"}}, {"key": "b.pdf"}]}',
            {"packets/7/a.pdf": {"claim": "7"}, "packets/7/b.pdf": {}},
        ),
    ],
)
def test_keys_are_whole_or_in_the_folder_of_the_manifest(
    text: bytes, listed: dict[str, dict[str, str]]
) -> None:
    """With what is said of each; the manifest itself is no document."""
    assert read_manifest(text, KEY) == listed


def test_a_manifest_at_the_top_lists_whole_keys() -> None:
    """Its folder is the bucket."""
    assert read_manifest(b'["x/a.pdf"]', "all.manifest.json") == {"x/a.pdf": {}}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{not json",
        b"7",
        b"{}",
        b'[""]',
        b"[7]",
        b'{"documents": [{"metadata": {}}]}',
        b'{"documents": [{"key": "a", "metadata": {"claim": 7}}]}',
        b'{"documents": [{"key": "a", "colour": "red"}]}',
        b'{"documents": [], "more": 1}',
        b'["' + b"k" * 1025 + b'"]',
    ],
)
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    """With a reason."""
    with pytest.raises(ManifestError, match=r".+: .+"):
        read_manifest(text, KEY)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """They are a manifest or they are refused."""
    try:
        read_manifest(data, KEY)
    except ManifestError:
        return


def test_the_folders_of_a_key_are_those_that_may_hold_its_manifest() -> None:
    """The nearest first, the top last."""
    assert folder_of("a/b/c.pdf") == "a/b/"
    assert folders_of("a/b/c.pdf") == ("a/b/", "a/", "")
    assert folders_of("c.pdf") == ("",)
