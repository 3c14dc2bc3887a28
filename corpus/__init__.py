"""Insurance documents made from a seed, each with its truth: for prompts, adapters and scores.

There are two parts that share no layout, label, sentence, name or number form. Prompts are written
and adapters are trained on the training part; the test part is for scores alone.
"""
