"""Demo: documents that `make demo` drops, and the comparison of results with the truth."""
