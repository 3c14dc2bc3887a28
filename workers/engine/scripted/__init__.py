"""The scripted engine: made-up answers and faults, for everything around an engine."""
