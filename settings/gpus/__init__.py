"""GPU kinds: what each can do, and the check of a pool's engine settings against it. Pure."""
