"""Groups of the `docfleet` command, and their output."""
