"""Images of pages: opened with bounds, and drawn for OCR."""
