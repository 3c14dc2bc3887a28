"""The guide of an answer: a grammar for a schema, in which bounded strings hold any text."""

from __future__ import annotations

import re
from typing import Any

_PLAIN_CHARACTERS = re.compile(r'^(\w+_characters) ::= \(\(\[\^\\"\\\\\\r\\n\]\)\)$', re.MULTILINE)
_ANY_CHARACTERS = r"""\1 ::= (([^\\0-\\x1f\\"\\\\\\r\\n]) | ("\\\\" basic_escape))"""


def grammar_of(xgrammar: Any, schema: str) -> str | None:
    """Return the grammar (EBNF) that a schema needs; None where xgrammar's own will do.

    xgrammar lets a string of a bounded length hold no quotation mark, no backslash and no line
    break. Here it may hold them, escaped; an escape counts as one character.

    Args:
        xgrammar: The module.
        schema: JSON Schema.

    Raises:
        Exception: xgrammar has no grammar for the schema.
    """
    own = str(
        xgrammar.Grammar.from_json_schema(schema, any_whitespace=False, separators=(",", ":"))
    )
    grammar, count = _PLAIN_CHARACTERS.subn(_ANY_CHARACTERS, own)
    return grammar if count else None


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
