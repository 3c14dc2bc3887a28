"""The job records in Redis, the only authority on every job.

Each atomic transition is a `.lua` file here, called by one Python method.
"""
