"""Loss notices made from a seed, each with its truth: what the shipped task `fnol` is scored on.

There are two halves that share no layout, label, name or number form. Prompts are written on the
training half; the test half is for the score alone.
"""
