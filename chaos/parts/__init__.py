"""What drills are made of: a fleet, its load, proxies, a receiver and floods of requests."""
