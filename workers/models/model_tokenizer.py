"""The tokenizer of a pool's model, in a process that does not make or load the model."""

from __future__ import annotations

from workers.models.base_model import find_model
from workers.models.tokenizer import Tokenizer, estimate_tokens


class ModelTokenizer:
    """Counts as the model does once the model is there, and estimates until then.

    Args:
        source: The model's, as fleet.toml names it.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokenizer: Tokenizer | None = None

    def count(self, text: str) -> int:
        """The tokens of a text, chat template not included."""
        if self._tokenizer is None:
            model_dir = find_model(self._source)
            if model_dir is None:
                return estimate_tokens(text)
            self._tokenizer = Tokenizer(model_dir)
        return self._tokenizer.count(text)
