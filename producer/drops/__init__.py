"""The watcher: documents that are dropped into a bucket become jobs."""
