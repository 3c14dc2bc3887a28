"""Rules of `fleet.toml`, and the rule that an object fits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from settings.sections.rules import RuleSettings


class Fit(NamedTuple):
    """A rule that fits an object by its name.

    Attributes:
        rule: The rule.
        is_manifest: True when the object is the rule's manifest, and no document.
    """

    rule: RuleSettings
    is_manifest: bool

    @property
    def needs_tags(self) -> bool:
        """Tell whether the object's tags decide; they do not for a manifest."""
        return bool(self.rule.tags) and not self.is_manifest


def with_buckets(rules: Iterable[RuleSettings], incoming: str) -> tuple[RuleSettings, ...]:
    """Return the rules, each with its bucket."""
    return tuple(rule.model_copy(update={"bucket": rule.bucket or incoming}) for rule in rules)


def fits(rules: Iterable[RuleSettings], bucket: str, key: str) -> Sequence[Fit]:
    """Return the rules that an object's name fits, in order, up to the first that needs no tags.

    Args:
        rules: All of them, each with its bucket.
        bucket: The object's.
        key: The object's.
    """
    found: list[Fit] = []
    for rule in rules:
        if rule.bucket != bucket or not key.startswith(rule.prefix):
            continue
        is_manifest = _is_manifest(rule, key)
        if is_manifest or key.endswith(rule.suffix):
            found.append(Fit(rule, is_manifest))
            if not found[-1].needs_tags:
                break
    return found


def chosen(found: Iterable[Fit], tags: Mapping[str, str]) -> Fit | None:
    """Return the first rule that an object with these tags fits, or None."""
    for fit in found:
        if not fit.needs_tags or fit.rule.tags.items() <= tags.items():
            return fit
    return None


def _is_manifest(rule: RuleSettings, key: str) -> bool:
    return rule.manifest is not None and fnmatchcase(key.rpartition("/")[2], rule.manifest)
