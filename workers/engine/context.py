"""Room for prompt and answer in a model's context. Pure."""

from __future__ import annotations

from workers.errors import PromptTooLongError


def output_room(prompt_tokens: int, max_tokens: int | None, max_model_len: int) -> int:
    """Return the maximum tokens of the answer; raise an error when the prompt does not fit.

    Args:
        prompt_tokens: Tokens of the whole rendered chat.
        max_tokens: Maximum output tokens; None for all that fit.
        max_model_len: The context, in tokens.

    Raises:
        PromptTooLongError: Prompt and answer do not fit; the message has the numbers.
    """
    if max_tokens is None:
        max_tokens = max(max_model_len - prompt_tokens, 1)
    if prompt_tokens + max_tokens > max_model_len:
        raise PromptTooLongError(
            f"The prompt has {prompt_tokens} tokens and the answer may have {max_tokens}: "
            f"together {prompt_tokens + max_tokens}, and the context holds {max_model_len}."
        )
    return max_tokens
