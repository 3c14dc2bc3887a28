"""What requests may cost: connections, bodies, places that tenants share, and memory."""
