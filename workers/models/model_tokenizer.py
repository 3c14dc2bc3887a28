"""Tokenizer of a pool's model, for a process that does not load the model."""

from __future__ import annotations

from workers.models.base_model import find_model
from workers.models.tokenizer import Tokenizer, estimate_tokens


class ModelTokenizer:
    """Counts with the model's tokenizer once it is there, and estimates until then.

    Args:
        source: The model's source in fleet.toml.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokenizer: Tokenizer | None = None

    def count(self, text: str) -> int:
        """Return the tokens of a text, without the chat template."""
        if self._tokenizer is None:
            model_dir = find_model(self._source)
            if model_dir is None:
                return estimate_tokens(text)
            self._tokenizer = Tokenizer(model_dir)
        return self._tokenizer.count(text)
