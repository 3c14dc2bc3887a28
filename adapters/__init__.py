"""Adapter directories: their files are read, checked and digested here, without any engine.

Both sides of the queue stand on this package: the producer checks an adapter before it is in the
registry, and a worker checks it before its engine loads it.
"""
