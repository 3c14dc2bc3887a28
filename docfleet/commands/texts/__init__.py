"""Texts that commands print: ages, jobs, dead letters and the page of failures."""
