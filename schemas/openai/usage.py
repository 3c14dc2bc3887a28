"""Token usage, in OpenAI's shape."""

from __future__ import annotations

from typing import Any

from schemas.result import Usage


def usage_of(usage: Usage) -> dict[str, Any]:
    """Tokens as OpenAI counts them for a chat."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
