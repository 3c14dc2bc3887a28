"""Documents in: submit, HTTP API, bucket watcher."""
