"""Actions of commands that are more than one call: their steps, their questions, their progress."""
