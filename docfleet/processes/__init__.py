"""Processes that are started, kept alive and ended with all that they started."""
