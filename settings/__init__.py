"""Configuration: `fleet.toml`, the environment, the task files and the logs."""
