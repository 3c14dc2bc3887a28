"""Which rule fits which drop."""

from __future__ import annotations

import pytest

from producer.rules import match
from settings.fleet import RuleSettings

RULES = (
    RuleSettings(prefix="fnol/", suffix=".pdf", tasks=("fnol",)),
    RuleSettings(prefix="fnol/", tasks=("document-class",)),
    RuleSettings(bucket="archive", tasks=("summary",)),
)


@pytest.mark.parametrize(
    ("bucket", "key", "tasks"),
    [
        ("incoming", "fnol/a.pdf", ("fnol",)),
        ("incoming", "fnol/a.txt", ("document-class",)),
        ("archive", "fnol/a.pdf", ("fnol",)),
        ("archive", "other/a.pdf", ("summary",)),
        ("incoming", "other/a.pdf", None),
        ("incoming", "FNOL/a.pdf", None),
        ("incoming", "x/fnol/a.pdf", None),
    ],
)
def test_first_rule_that_fits_is_taken(
    bucket: str, key: str, tasks: tuple[str, ...] | None
) -> None:
    """Bucket, prefix and suffix all have to fit; what is not said fits everything."""
    rule = match(RULES, bucket, key)
    assert (rule.tasks if rule else None) == tasks


def test_no_rules_fit_nothing() -> None:
    """A fleet without rules takes no drops."""
    assert match((), "incoming", "a.pdf") is None
