"""Validators of answers whose cost is bounded, whoever wrote the schema.

What they do is done in a thread that serves everybody: nothing is fetched, a pattern takes linear
time, and alternatives that lead to each other are not followed for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import Annotated, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as Misfit
from jsonschema.validators import extend
from pydantic import StringConstraints, TypeAdapter, ValidationError
from referencing import Registry

_MOST_REFERENCES = 20_000
"""Followed for one answer: as many as a large one needs, and a second's work or two."""


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""An escape, or a class of characters."""
_IN_CLASS = re.compile(r"\\.|[\[\]&~]", re.DOTALL)
_ASCII = {
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\w": "[0-9A-Za-z_]",
    r"\W": "[^0-9A-Za-z_]",
}
"""What JSON Schema and the engine mean by them; all of Unicode would not fit many of them."""


class PatternError(ValueError):
    """A pattern cannot be matched in linear time."""


class EndlessValidationError(Exception):
    """An answer takes too long to be validated."""


def check_pattern(pattern: str) -> None:
    """Raise PatternError unless the pattern can be matched in linear time."""
    try:
        _compiled(pattern)
    except Exception as error:  # pydantic does not export the one that it raises
        words = str(error).strip().splitlines()[-1].strip()
        raise PatternError(f"it cannot be matched in linear time: {words}") from error


def answer_validator(schema: Mapping[str, Any]) -> Any:
    """A validator of one answer; its methods raise EndlessValidationError too.

    Args:
        schema: JSON Schema, draft 2020-12, whose references stay inside it.
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
    if not isinstance(instance, str):
        return
    try:
        _compiled(pattern).validate_python(instance)
    except ValidationError:
        yield Misfit(f"{instance!r} does not match {pattern!r}")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> TypeAdapter[str]:
    spelled = _TOKEN.sub(lambda token: _spelled(token[0]), pattern)
    return TypeAdapter(Annotated[str, StringConstraints(pattern=spelled)])


def _spelled(token: str) -> str:
    """As what matches in linear time spells it; brackets, `&` and `~` say more to it in a class."""
    if token.startswith("\\"):
        return _ASCII.get(token, token)
    start = 2 if token.startswith("[^") else 1
    inside = _IN_CLASS.sub(
        lambda one: _ASCII.get(one[0], one[0]) if len(one[0]) > 1 else f"\\{one[0]}",
        token[start:-1],
    )
    return f"{token[:start]}{inside}]"
