"""The vLLM engine, and all that knows vLLM."""
