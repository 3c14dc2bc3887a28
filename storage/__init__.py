"""Object storage: where documents, page text and results lie."""
