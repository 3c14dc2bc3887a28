"""Object storage for documents, page text and results."""
