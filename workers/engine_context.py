"""Whether prompt and answer fit a model's context. Pure."""

from __future__ import annotations

from workers.errors import PromptTooLongError


def check_context(prompt_tokens: int, max_tokens: int, max_model_len: int) -> None:
    """Refuse what does not fit, before the engine sees it.

    Args:
        prompt_tokens: Of the whole rendered chat.
        max_tokens: Most output tokens.
        max_model_len: The context, in tokens.

    Raises:
        PromptTooLongError: With the numbers.
    """
    if prompt_tokens + max_tokens > max_model_len:
        raise PromptTooLongError(
            f"The prompt has {prompt_tokens} tokens and the answer may have {max_tokens}: "
            f"together {prompt_tokens + max_tokens}, and the context holds {max_model_len}."
        )
