"""Evaluation: a task's results held against the truth, with intervals."""
