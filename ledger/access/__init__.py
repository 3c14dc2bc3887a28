"""Access: API keys, the audit log, and secrets that are stored encrypted."""
