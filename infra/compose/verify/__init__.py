"""Verify: starts the stack in containers, loads it, breaks it, and counts losses."""
