"""Webhook records: endpoints, and deliveries to them."""
