"""Documents in: the client, the HTTP API and the watcher that turns drops into jobs."""
