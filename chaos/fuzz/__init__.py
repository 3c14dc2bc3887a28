"""Mutated files through prepare: whatever a file is, the worker, its memory and its files stay."""
