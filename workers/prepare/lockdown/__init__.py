"""Confinement of the process that reads a document: one layer of the kernel's a module.

Standard library only: the zygote runs this without the rest of docfleet.
"""
