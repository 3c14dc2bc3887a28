"""Documents through: prepare, infer, deliver, and the sweep that mends what broke."""
