"""JSON Schemas of answers: which can guide an engine, what they cost, and who validates."""
