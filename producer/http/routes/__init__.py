"""The routes of docfleet's own API, one file a resource."""
