"""Kinds of documents: each module draws the record of one kind."""
