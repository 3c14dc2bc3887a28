"""Token counts, without loading a model."""

from __future__ import annotations

import math
from pathlib import Path

import structlog
import tokenizers

log = structlog.get_logger(__name__)

_CHARACTERS_PER_TOKEN = 3.5


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
        return len(self._tokenizer.encode(text, add_special_tokens=False))


def estimate_tokens(text: str) -> int:
    """Return an estimate of a text's tokens."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)
