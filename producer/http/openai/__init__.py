"""The OpenAI-compatible routes, one file a resource."""
