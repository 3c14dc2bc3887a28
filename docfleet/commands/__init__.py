"""The groups of the `docfleet` command, and what they print."""
