"""Check of a fleet's files and variables: all mistakes at once, each with its place."""
