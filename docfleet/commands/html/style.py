"""Style of the page of a result, and the policy that lets nothing else in."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib.resources import files

STYLE = (files(__package__) / "page.css").read_text(encoding="utf-8")

_DIGEST = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
"""Content security policy: this style, and no script, image, font, frame, form or request."""
