"""The sections of `fleet.toml`, one file each."""
