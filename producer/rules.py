"""Which tasks a drop runs: the rules of `fleet.toml`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from settings.fleet import RuleSettings


def match(rules: Iterable[RuleSettings], bucket: str, key: str) -> RuleSettings | None:
    """The first rule that fits an object, or None."""
    for rule in rules:
        fits_bucket = rule.bucket is None or rule.bucket == bucket
        if fits_bucket and key.startswith(rule.prefix) and key.endswith(rule.suffix):
            return rule
    return None
