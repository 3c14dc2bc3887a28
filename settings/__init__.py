"""Configuration: `fleet.toml`, the environment, the task files, and how logs look."""
