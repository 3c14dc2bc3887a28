"""TIFF images, a page for each frame, read by OCR."""

from __future__ import annotations

from workers.prepare.content import TIFF
from workers.prepare.formats.pictures.image import image_format

FORMAT = image_format("TIFF", TIFF, "image/tiff")
