"""Callbacks that tenants ask for: their rules, and the secrets that sign them."""
