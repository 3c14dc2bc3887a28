"""Limits of requests: connections, bodies, places that tenants share, and memory."""
