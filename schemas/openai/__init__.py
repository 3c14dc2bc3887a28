"""The OpenAI-compatible shapes."""
