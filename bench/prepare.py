"""Measure the pages that prepare reads for each second of CPU, the sandbox included.

PDFs are generated, so pages look alike: their text fills them. The CPU is that of the zygote and of
the readers that it forks; what starting a zygote takes is measured by itself and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
from pathlib import Path
from typing import Any

from fpdf import FPDF

from bench.table import print_table, write_json
from settings.sections.limits import LimitSettings
from workers.prepare.document import read_document
from workers.prepare.sandbox import Sandbox

LINE = "Claim 4711-%03d  hail broke two skylights  paid 1,234.56  reserve 20,000.00  open"
LINES = 48
PAGES = (1, 8, 30)
"""Pages of a document, in each row of the table."""


def document(pages: int) -> bytes:
    """Return a PDF with pages full of text."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=11)
    for _ in range(pages):
        pdf.add_page()
        pdf.multi_cell(0, 5, "\n".join(LINE % number for number in range(LINES)))
    return bytes(pdf.output())


async def cpu_seconds(data: bytes, documents: int) -> float:
    """Return the CPU seconds of a sandbox that reads a number of documents, one after another."""
    before = _children()
    sandbox = Sandbox()
    try:
        await sandbox.start()
        for _ in range(documents):
            await read_document(data, LimitSettings(), sandbox)
    finally:
        sandbox.stop()
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def figures(pages: int, total: int) -> dict[str, Any]:
    """Measure documents of one length, of about `total` pages together."""
    data = document(pages)
    documents = max(total // pages, 1)
    start = await cpu_seconds(data, 0)
    seconds = await cpu_seconds(data, documents) - start
    return {
        "pages a document": pages,
        "documents": documents,
        "pages/s of CPU": pages * documents / seconds,
        "ms a document": 1000 * seconds / documents,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=300, help="pages of each row together")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    rows = [asyncio.run(figures(pages, options.pages)) for pages in PAGES]
    print_table("PDF pages with text", rows)
    write_json(options.json, {"rows": rows})


if __name__ == "__main__":
    main()
