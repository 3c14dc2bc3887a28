"""The `docfleet` command, for `python -m docfleet`."""

from docfleet.cli import main

main()
