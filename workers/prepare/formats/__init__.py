"""Document formats: one reader a format, run in the sandboxed process only.

A new format is a module here with a `FORMAT`, and a name in FORMATS.
"""

from __future__ import annotations

FORMATS = ("workers.prepare.formats.pdf", "workers.prepare.formats.plain_text")
"""The modules, in the order in which people read of them."""
