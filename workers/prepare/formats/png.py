"""PNG images, read by OCR."""

from __future__ import annotations

from workers.prepare.content import PNG
from workers.prepare.formats.pictures.image import image_format

FORMAT = image_format("PNG", PNG, "image/png")
