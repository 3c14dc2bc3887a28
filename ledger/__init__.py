"""The job records in Redis: the one truth about every job.

Every atomic transition is a `.lua` file here, called by one Python method.
"""
