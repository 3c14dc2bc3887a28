"""Reading of documents that are longer than one question to the engine may be."""
