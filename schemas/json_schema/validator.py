"""Validators of answers, whose cost is bounded for any schema.

What they do is done in a thread that serves everybody: nothing is fetched, a pattern takes linear
time, and alternatives that lead to each other are not followed for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import Any

import re2
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as Misfit
from jsonschema.validators import extend
from referencing import Registry

_MOST_REFERENCES = 10_000
"""Followed for one answer: as many as a large one needs, and a few seconds' work."""
_CLASS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""An escape, or a class of characters."""
_IN_CLASS = re.compile(r"\\.|\[", re.DOTALL)
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class PatternError(ValueError):
    """A pattern cannot be matched in linear time."""


class EndlessValidationError(Exception):
    """An answer takes too long to be validated."""


def check_pattern(pattern: str) -> None:
    """Raise PatternError unless the pattern can be matched in linear time."""
    try:
        _compiled(pattern)
    except (re2.error, UnicodeEncodeError) as error:
        words = error.args[0] if isinstance(error, re2.error) else b"half of a surrogate pair"
        raise PatternError(
            f"no regular expression that is matched in linear time: "
            f"{words.decode(errors='replace')}"
        ) from error


def answer_validator(schema: Mapping[str, Any]) -> Any:
    """Make a validator of one answer; its methods raise EndlessValidationError too.

    Args:
        schema: One that `check_guidable` takes: its references stay inside it.
    """
    followed = count(1)

    def reference(validator: Any, target: str, instance: Any, whole: Any) -> Iterator[Misfit]:
        if next(followed) > _MOST_REFERENCES:
            raise EndlessValidationError(f"more than {_MOST_REFERENCES:,} references to follow")
        yield from Draft202012Validator.VALIDATORS["$ref"](validator, target, instance, whole)

    checks = {"$ref": reference, "pattern": _pattern}
    kind = extend(Draft202012Validator, checks)  # type: ignore[no-untyped-call]  # jsonschema's
    return kind(schema, registry=Registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _pattern(_validator: Any, pattern: str, instance: Any, _whole: Any) -> Iterator[Misfit]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield Misfit(f"{instance!r} does not match {pattern!r}")


def _matches(pattern: str, text: str) -> bool:
    try:
        return _compiled(pattern).search(text) is not None
    except UnicodeEncodeError:  # half of a surrogate pair is no character
        return False


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    """Compile with RE2; its kinds of characters are of ASCII, as the engine's are.

    A bracket in a class is a character, and never `[:alpha:]`.
    """
    return re2.compile(_CLASS.sub(_literal, pattern), _OPTIONS)


def _literal(token: re.Match[str]) -> str:
    text = token[0]
    if not text.startswith("["):
        return text
    inside = _IN_CLASS.sub(lambda one: one[0] if len(one[0]) > 1 else r"\[", text[1:])
    return f"[{inside}"
