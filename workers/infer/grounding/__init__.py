"""Grounding: the place in the document that gives each value of an answer."""
