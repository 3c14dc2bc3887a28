"""The guide of an answer: a grammar for a schema, in which bounded strings hold any text."""

from __future__ import annotations

import re
from typing import Any

_PLAIN = r"[^\0-\x1f\"\\\r\n]"
_HEX = "[0-9A-Fa-f]"
_ESCAPE = rf'("\\" ([\"\\/bfnrt] | ("u" {_HEX} {_HEX} {_HEX} {_HEX})))'
_ANY = f"({_PLAIN} | {_ESCAPE})"
_MOST_ANY = 16
"""Characters that a string must have and that may be escapes; each is a state of the grammar."""

_CHARACTERS = re.compile(r'^(\w+_characters) ::= \(\(\[\^\\"\\\\\\r\\n\]\)\)$', re.MULTILINE)
_STRING = re.compile(r"\b(\w+_characters)\{(\d+), (-?\d+)\}")


def grammar_of(xgrammar: Any, schema: str) -> str | None:
    r"""Return the grammar (EBNF) that a schema needs; None where xgrammar's own will do.

    xgrammar lets a string of a bounded length hold no quotation mark, no backslash and no line
    break. Here it may hold them, escaped. A string without escapes has its bounds. One with
    escapes has as many as it may have characters at most, and characters without an end after the
    first one: a grammar that counts both takes over a second at each token (xgrammar 0.2.8). So a
    string with escapes can be too long, which the validation of the answer finds.

    Args:
        xgrammar: The module.
        schema: JSON Schema.

    Raises:
        Exception: xgrammar has no grammar for the schema.
    """
    own = str(
        xgrammar.Grammar.from_json_schema(schema, any_whitespace=False, separators=(",", ":"))
    )
    if not _CHARACTERS.search(own):
        return None
    grammar = _STRING.sub(lambda found: _string(*found.groups()), own)
    return _CHARACTERS.sub(_rules, grammar)


def _string(characters: str, least: str, most: str) -> str:
    """Return what stands between the quotation marks of a string of so many characters."""
    any_first = min(int(least), _MOST_ANY)
    left = int(most) if most == "-1" else int(most) - any_first
    parts = [_ANY] * any_first
    if left:
        parts.append(f"{characters}{{{int(least) - any_first}, {left}}}")
        parts.append(f"{characters}_escaped{{0, {left}}}")
    return " ".join(parts)


def _rules(found: re.Match[str]) -> str:
    """Return the rules of a string's characters: plain ones, and an escape with those after it."""
    name = found[1]
    return f"{name} ::= {_PLAIN}\n{name}_escaped ::= {_ESCAPE} {_PLAIN}*"


def compiled(xgrammar: Any, compiler: Any, schema: str) -> Any:
    """Return the compiled grammar of a schema, as the engine has it.

    Args:
        xgrammar: The module.
        compiler: Its GrammarCompiler.
        schema: JSON Schema.
    """
    grammar = grammar_of(xgrammar, schema)
    if grammar is not None:
        return compiler.compile_grammar(grammar)
    return compiler.compile_json_schema(schema, any_whitespace=False, separators=(",", ":"))
