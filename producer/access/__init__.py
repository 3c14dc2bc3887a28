"""Keys, principals and the documents that a tenant may name."""
