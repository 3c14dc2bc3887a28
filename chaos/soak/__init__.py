"""The soak: random faults for a long time, with samples and a plot of memory."""
