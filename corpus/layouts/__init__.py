"""Layouts: how records become sheets; the two parts share none."""
