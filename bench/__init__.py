"""Every figure that the README claims, each measured by one command as a ratio in one run."""
