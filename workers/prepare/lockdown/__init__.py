"""Confinement of the process that reads a document: one module for each layer of the kernel.

Standard library only: the zygote runs this without the rest of docfleet.
"""
