"""The local stack: its parts, its state directory and its lifetime."""
