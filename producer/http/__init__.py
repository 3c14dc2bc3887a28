"""The HTTP API: the application, its server, its limits and its errors."""
