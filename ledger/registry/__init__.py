"""The registry: adapters by name and version, and the base models that they run on."""
