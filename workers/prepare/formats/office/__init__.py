"""Office files: ZIP packages of XML parts."""
