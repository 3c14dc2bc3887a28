"""The soak: faults at random for a long time, memory samples and their plot."""
