"""The page of a result: the document's pages beside its values, in one file that loads nothing."""
