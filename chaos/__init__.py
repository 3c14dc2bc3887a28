"""Drills: a running fleet is broken on purpose, and losses, duplicates and recovery are counted.

Real processes of docfleet, a real Valkey and a real SeaweedFS; the scripted engine makes volume
cheap, and the last scenario runs vLLM. `python -m chaos` starts it.
"""
