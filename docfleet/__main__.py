"""`python -m docfleet` is the `docfleet` command."""

from docfleet.cli import main

main()
