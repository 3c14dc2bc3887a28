"""Which rule fits which drop."""

from __future__ import annotations

import pytest

from producer.rules import chosen, fits, with_buckets
from settings.sections.rules import RuleSettings

RULES = with_buckets(
    (
        RuleSettings(prefix="fnol/", suffix=".pdf", tags={"kind": "loss"}, tasks=("fnol",)),
        RuleSettings(prefix="fnol/", tags={"a": "1", "b": "2"}, tasks=("medical-bill",)),
        RuleSettings(prefix="fnol/", tasks=("document-class",)),
        RuleSettings(prefix="packets/", suffix=".pdf", manifest="*.manifest.json", tasks=("x",)),
        RuleSettings(bucket="archive", tasks=("summary",)),
    ),
    "incoming",
)


def _tasks(bucket: str, key: str, tags: dict[str, str]) -> tuple[str, ...] | None:
    fit = chosen(fits(RULES, bucket, key), tags)
    return fit.rule.tasks if fit else None


@pytest.mark.parametrize(
    ("bucket", "key", "tags", "tasks"),
    [
        ("incoming", "fnol/a.pdf", {"kind": "loss", "other": "x"}, ("fnol",)),
        ("incoming", "fnol/a.pdf", {"kind": "Loss"}, ("document-class",)),
        ("incoming", "fnol/a.pdf", {"kind": "loss", "a": "1", "b": "2"}, ("fnol",)),
        ("incoming", "fnol/a.txt", {"kind": "loss", "a": "1", "b": "2"}, ("medical-bill",)),
        ("incoming", "fnol/a.txt", {"a": "1"}, ("document-class",)),
        ("incoming", "fnol/a.txt", {}, ("document-class",)),
        ("archive", "fnol/a.pdf", {"kind": "loss"}, ("summary",)),
        ("archive", "other/a.pdf", {}, ("summary",)),
        ("incoming", "other/a.pdf", {}, None),
        ("incoming", "FNOL/a.pdf", {}, None),
        ("incoming", "x/fnol/a.pdf", {}, None),
        ("elsewhere", "fnol/a.pdf", {}, None),
    ],
)
def test_first_rule_that_fits_is_taken(
    bucket: str, key: str, tags: dict[str, str], tasks: tuple[str, ...] | None
) -> None:
    """Bucket, prefix, suffix and tags all have to fit; what is not said fits everything."""
    assert _tasks(bucket, key, tags) == tasks


def test_tags_are_needed_only_where_they_decide() -> None:
    """Asking for them is a request to the store for each drop."""
    assert not any(fit.needs_tags for fit in fits(RULES, "archive", "a.pdf"))
    assert [fit.needs_tags for fit in fits(RULES, "incoming", "fnol/a.txt")] == [True, False]


@pytest.mark.parametrize(
    ("key", "is_manifest"),
    [
        ("packets/7/all.manifest.json", True),
        ("packets/all.manifest.json", True),
        ("packets/7/a.pdf", False),
    ],
)
def test_a_manifest_is_told_from_a_document_by_its_file_name(key: str, is_manifest: bool) -> None:  # noqa: FBT001  # the expectation
    """The suffix is that of documents."""
    assert [fit.is_manifest for fit in fits(RULES, "incoming", key)] == [is_manifest]


def test_what_is_neither_a_document_nor_a_manifest_fits_nothing() -> None:
    """Such as a note beside them."""
    assert not fits(RULES, "incoming", "packets/7/readme.txt")


def test_no_rules_fit_nothing() -> None:
    """A fleet without rules takes no drops."""
    assert not fits((), "incoming", "a.pdf")
    assert chosen((), {}) is None
