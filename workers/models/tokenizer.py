"""Token counts, without loading a model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import structlog
import tokenizers

log = structlog.get_logger(__name__)

_CHARACTERS_PER_TOKEN = 3.5
_PIECE_CHARACTERS = 32_768
_WORD_ENDS = re.compile(r"\s(?=\S)")
"""A blank behind a word, in text that is read backwards."""


class Tokenizer:
    """Counts with the tokenizer of a model's directory, or estimates without one.

    Args:
        model_dir: Directory with or without a `tokenizer.json`.
    """

    def __init__(self, model_dir: Path) -> None:
        self._tokenizer: tokenizers.Tokenizer | None = None
        path = model_dir / "tokenizer.json"
        if not path.is_file():
            log.warning("no tokenizer: tokens are estimated", path=str(path))
            return
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # noqa: BLE001  # the library raises bare exceptions
            log.warning("unreadable tokenizer: tokens are estimated", path=str(path), error=error)
            return
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @property
    def exact(self) -> bool:
        """Tell whether the model's own tokenizer counts."""
        return self._tokenizer is not None

    def count(self, text: str) -> int:
        """Return the tokens of a text, without the chat template."""
        if self._tokenizer is None:
            return estimate_tokens(text)
        # Encoding one text keeps all other threads from running, and the event loop with them; of
        # a batch it does not.
        encode = self._tokenizer.encode_batch_fast
        return sum(len(encode([piece], add_special_tokens=False)[0]) for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    """Cut a text where words begin, so that what one piece needs in memory has a bound.

    No token reaches over such a cut. A word that is longer than a piece is cut anywhere, and may
    count a token more for it.
    """
    start = 0
    while len(text) - start > _PIECE_CHARACTERS:
        end = start + _PIECE_CHARACTERS
        found = _WORD_ENDS.search(text[start + 1 : end][::-1])
        end = end - found.end() if found else end
        yield text[start:end]
        start = end
    yield text[start:]


def estimate_tokens(text: str) -> int:
    """Return an estimate of a text's tokens."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)
