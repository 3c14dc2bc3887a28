"""Parts of drills: a fleet, its load, proxies, a receiver and floods of requests."""
