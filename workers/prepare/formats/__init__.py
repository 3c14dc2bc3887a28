"""Document formats: one reader a format, run in the sandboxed process only.

A new format is a module here with a `FORMAT`, and a name in FORMATS.
"""

from __future__ import annotations

FORMATS = tuple(
    f"workers.prepare.formats.{name}"
    for name in (
        "pdf",
        "docx",
        "xlsx",
        "csv_table",
        "html",
        "eml",
        "msg",
        "json_text",
        "tiff",
        "jpeg",
        "png",
        "zip_archive",
        "plain_text",
    )
)
"""The modules, in the order in which people read of them."""
