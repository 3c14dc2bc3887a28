"""JPEG images, read by OCR."""

from __future__ import annotations

from workers.prepare.content import JPEG
from workers.prepare.formats.pictures.image import image_format

FORMAT = image_format("JPEG", JPEG, "image/jpeg")
