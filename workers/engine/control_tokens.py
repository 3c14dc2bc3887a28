"""Control tokens of a model's chat, kept out of texts: a document must not begin a turn. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_MARKS = re.compile(r"[<\[|]")
_IN_TEMPLATE = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|\[/?[A-Z_]{2,30}\]|<</?[A-Z]{2,10}>>|</?[a-z_]{1,30}>"
)
"""Spellings of turns in templates without a token of their own for them."""


class ControlTokens:
    """Control tokens of one tokenizer.

    Args:
        tokens: Their spellings.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        longest_first = sorted({token for token in tokens if token.strip()}, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def spelled_out(self, text: str) -> str:
        """Return a text with a blank inside each control token, so that the model reads letters."""
        return self._any.sub(lambda token: f"{token[0][:1]} {token[0][1:]}", text)


def control_tokens(tokenizer: Any) -> ControlTokens:
    """Return the control tokens of a tokenizer and of its chat template.

    Args:
        tokenizer: A tokenizer of transformers; missing attributes are ignored.
    """
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    tokens = {str(one) for one in added if getattr(one, "special", True) or _MARKS.match(str(one))}
    template = getattr(tokenizer, "chat_template", None)
    templates = template.values() if isinstance(template, dict) else [template or ""]
    return ControlTokens(tokens.union(*(_IN_TEMPLATE.findall(one) for one in templates)))
