"""Metadata in a key, in the form that a rule gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from producer.key_metadata import joined, key_metadata
from schemas.job import METADATA_ENTRIES
from settings.sections.rules import RuleSettings


@pytest.mark.parametrize(
    ("pattern", "key", "said"),
    [
        ("fnol/{claim}/*", "fnol/HM-1/notice.pdf", {"claim": "HM-1"}),
        ("fnol/{claim}/*", "fnol/HM-1/a/b/notice.pdf", {"claim": "HM-1"}),
        ("fnol/{claim}_{kind}.pdf", "fnol/HM-1_photo.pdf", {"claim": "HM-1", "kind": "photo"}),
        ("*/{claim}/*", "a/b/HM-1/c.pdf", {"claim": "HM-1"}),
        ("fnol/{claim}/*", "fnol/HM-1", {}),
        ("fnol/{claim}/*", "fnol//notice.pdf", {}),
        ("fnol/{claim}/*", "bills/HM-1/notice.pdf", {}),
        ("a.b/{x}", "aXb/1", {}),
        ("in/{claim}/*", f"in/{'x' * 513}/a", {}),
        ("{claim}/*", "Schäden\n1/a", {"claim": "Schäden\n1"}),
        (None, "fnol/HM-1/notice.pdf", {}),
    ],
)
def test_a_key_of_the_form_gives_what_the_form_names(
    pattern: str | None, key: str, said: dict[str, str]
) -> None:
    """A name stands for a part of a path; a key of another form gives nothing."""
    assert key_metadata(pattern, key) == said


@given(st.text(max_size=20), st.text(max_size=20).filter(lambda text: "/" not in text and text))
def test_any_claim_in_any_folder_is_found(folder: str, claim: str) -> None:
    """Characters that mean something in expressions stand for themselves."""
    pattern = folder.replace("{", "").replace("}", "").replace("*", "")
    found = key_metadata(f"{pattern}/{{claim}}/*", f"{pattern}/{claim}/a.pdf")
    assert found == {"claim": claim}


def test_a_manifest_goes_before_the_key_and_a_job_gets_no_more_than_it_may_have() -> None:
    """The manifest's metadata is kept whole."""
    assert joined({"claim": "1"}, {"claim": "2", "kind": "bill"}) == {"claim": "1", "kind": "bill"}
    full = {str(number): "" for number in range(METADATA_ENTRIES)}
    assert joined(full, {"claim": "2"}) == full


@pytest.mark.parametrize("pattern", ["fnol/*", "{}/a", "{1a}/a", "{a b}/*", "{a}/{a}", ""])
def test_a_form_that_names_nothing_or_names_it_badly_is_refused(pattern: str) -> None:
    """When the settings are read, with the reason."""
    with pytest.raises(ValidationError, match="name"):
        RuleSettings(tasks=("fnol",), key_metadata=pattern)
