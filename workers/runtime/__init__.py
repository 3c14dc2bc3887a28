"""The worker process: Celery, the event loop, heartbeats, leases and the sweep."""
