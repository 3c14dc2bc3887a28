"""Style of the page of a result, and the policy that lets nothing else in."""

from __future__ import annotations

import hashlib
from base64 import b64encode

STYLE = """
:root { --exact: #bfe8c5; --normalized: #cfe3ff; --fuzzy: #ffe6a8; --ungrounded: #ffc9c4; }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: #1c2128; background: #f3f4f6; }
header { padding: 16px 24px; background: #fff; border-bottom: 1px solid #d5d9df; }
h1 { margin: 0 0 4px; font-size: 18px; overflow-wrap: anywhere; }
h2 { margin: 0 0 8px; font-size: 16px; }
header p, header ul { margin: 4px 0; }
main { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 16px; padding: 16px 24px; }
section { margin-bottom: 16px; padding: 16px; background: #fff; border: 1px solid #d5d9df; border-radius: 6px; }
.values { position: sticky; top: 0; max-height: 100vh; overflow: auto; }
pre { margin: 0; font: 13px/1.6 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }
table { width: 100%; border-collapse: collapse; font-size: 13px; }
th, td { padding: 6px 8px; text-align: left; vertical-align: top; border-top: 1px solid #e4e7eb; overflow-wrap: anywhere; }
thead th { border-top: 0; color: #57606a; font-weight: 600; }
tbody th { font: 12px/1.6 ui-monospace, monospace; }
td.value { unicode-bidi: plaintext; font-weight: 600; white-space: pre-wrap; }
td.number { white-space: nowrap; }
td ul { margin: 0; padding-left: 16px; color: #9a3412; }
meter { width: 48px; margin-left: 6px; vertical-align: middle; }
a { color: inherit; }
mark { color: inherit; border-radius: 2px; }
mark a { text-decoration: none; }
.exact > .chip, .chip.exact, mark.exact { background: var(--exact); }
.chip.normalized, mark.normalized { background: var(--normalized); }
.chip.fuzzy, mark.fuzzy { background: var(--fuzzy); }
.chip.ungrounded { background: var(--ungrounded); }
tr.ungrounded td.value { outline: 2px dashed #c2410c; outline-offset: -3px; }
.chip { display: inline-block; padding: 0 6px; border-radius: 8px; background: #e4e7eb; white-space: nowrap; }
.warning { padding: 8px 12px; background: #fff1e6; border-left: 4px solid #c2410c; }
.words { width: 100%; height: auto; margin-bottom: 12px; }
.words text { fill: #1c2128; font-family: sans-serif; }
.sheet { fill: #fcfcfd; stroke: #d5d9df; }
rect.exact { fill: var(--exact); } rect.normalized { fill: var(--normalized); } rect.fuzzy { fill: var(--fuzzy); }
:target { scroll-margin-top: 40vh; }
tr:target { background: #fff8c5; }
span:target + mark { outline: 3px solid #0969da; }
@media (max-width: 900px) { main { grid-template-columns: minmax(0, 1fr); } .values { position: static; max-height: none; } }
@media print { main { display: block; } .values { position: static; max-height: none; } }
"""

_DIGEST = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
)
"""Content security policy: this style, and no script, image, font, frame, form or request."""
