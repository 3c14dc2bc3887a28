"""PDFium for readers: its library, documents, and what pages show."""
