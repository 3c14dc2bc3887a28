"""Names of GPU kinds: as people write them, and as NVIDIA's driver reports them."""

from __future__ import annotations

import difflib
import re

from settings.gpus.errors import GpuSettingError
from settings.gpus.kind import GpuKind
from settings.gpus.table import GPU_KINDS

_NOISE = re.compile(
    r"NVIDIA|TESLA|GEFORCE|GENERATION|TENSOR ?CORE|BLACKWELL|(SERVER|WORKSTATION|MAX-Q) ?(EDITION)?"
    r"|SXM\d?|PCIE?|HBM\d?E?|AMPERE|HOPPER|\bTI\b|\bGPU\b"
)
_NO_SIGN = re.compile(r"[^A-Z0-9]")
_ALIASES = {
    "V100": "V100-16GB",
    "A100": "A100-80GB",
    "H100": "H100-80GB",
    "H100 94GB": "H100-NVL",
    "H200 NVL": "H200",
    "GH200 480GB": "GH200",
    "GH200 120GB": "GH200",
    "B200 192GB": "B200",
    "T4G": "T4",
    "3090": "RTX-3090",
    "4090": "RTX-4090",
    "5090": "RTX-5090",
    "A5000": "RTX-A5000",
    "A6000": "RTX-A6000",
    "6000 ADA": "RTX-6000-Ada",
    "PRO 6000": "RTX-PRO-6000",
}


def _signs(name: str) -> str:
    """Return the letters and digits of a name that tell kinds apart."""
    return _NO_SIGN.sub("", _NOISE.sub(" ", name.upper()))


def _sized(kind: GpuKind) -> str:
    """Return a kind's name with its memory, which the driver reports for some: "A30-24GB"."""
    return f"{kind.name} {kind.memory_bytes // 10**9}GB"


_BY_SIGNS = (
    {_signs(_sized(kind)): kind for kind in GPU_KINDS.values() if kind.memory_bytes}
    | {_signs(alias): GPU_KINDS[name] for alias, name in _ALIASES.items()}
    | {_signs(name): kind for name, kind in GPU_KINDS.items()}
)


def find_kind(name: str) -> GpuKind | None:
    """Return the kind that a name means, or None.

    Args:
        name: As in the table, an alias ("H100", "a100"), or the driver's name of a device
            ("NVIDIA A100-SXM4-80GB").
    """
    return _BY_SIGNS.get(_signs(name))


def known_kind(name: str) -> GpuKind:
    """Return the kind that a name means.

    Args:
        name: See `find_kind`.

    Raises:
        GpuSettingError: No kind has this name; the message lists the known ones.
    """
    kind = find_kind(name)
    if kind is None:
        close = difflib.get_close_matches(_signs(name), _BY_SIGNS, n=1)
        hint = f" Did you mean {_BY_SIGNS[close[0]].name!r}?" if close else ""
        raise GpuSettingError(
            f"gpu {name!r} is not known.{hint} Known are: {', '.join(GPU_KINDS)}; "
            "with 'other', set `concurrency` yourself."
        )
    return kind
