"""Documents through: prepare, infer, deliver, and the sweep that repairs faults."""
