"""Recognition of text in images of pages, in the sandboxed process only."""
