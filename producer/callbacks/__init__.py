"""Callbacks as tenants ask for them: which are taken, and the secrets that sign them."""
