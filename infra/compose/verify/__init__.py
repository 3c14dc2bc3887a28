"""Tries the stack in containers out: starts it, loads it, breaks it, and counts what was lost."""
