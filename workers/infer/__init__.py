"""The infer stage: page text becomes results, on the engine."""
