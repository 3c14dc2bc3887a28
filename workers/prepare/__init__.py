"""The prepare stage: a document's bytes become page text, in a sandboxed process."""
