"""Records of the OpenAI-compatible API: files and batches."""
