"""Webhook events, deliveries and endpoints."""
