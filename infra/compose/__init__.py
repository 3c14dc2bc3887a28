"""The stack in containers: programs beside the compose file, and its trials."""
