"""Drills: one fault or attack each, as a scenario of the catalogue."""
