"""The engine protocol, the gate before it and its implementations."""
