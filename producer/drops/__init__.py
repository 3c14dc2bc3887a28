"""The watcher: turns documents that are dropped into a bucket into jobs."""
