"""The vLLM engine, and everything that knows vLLM."""
