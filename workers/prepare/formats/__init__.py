"""Document formats: one reader a format, run in the sandboxed process only."""
