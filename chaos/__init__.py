"""A running fleet, broken on purpose: what is lost, what is doubled, how long it takes to mend.

Real processes of docfleet, a real Valkey and a real SeaweedFS; the scripted engine makes volume
cheap, and the last scenario runs vLLM. `python -m chaos` runs it.
"""
