"""Arguments that several commands take: options, groups of them, secret files and the target."""
