"""docs/gpus.md: its table is that of the code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from settings.gpus.abilities import (
    ATTENTION_BACKENDS,
    DTYPES,
    KV_CACHE_DTYPES,
    QUANTIZATIONS,
    Need,
)
from settings.gpus.kind import GpuKind
from settings.gpus.table import GPU_KINDS

PAGE = Path(__file__).parents[3] / "docs" / "gpus.md"


def _able(kind: GpuKind, needs: Mapping[str, Need]) -> str:
    return ", ".join(name for name, need in needs.items() if need.advised and need.met_by(kind))


def _row(kind: GpuKind) -> str:
    cells = (
        kind.name,
        str(kind.capability or "-"),
        f"{kind.memory_bytes // 10**9} GB" if kind.memory_bytes else "-",
        str(kind.concurrency),
        "bfloat16, float16" if DTYPES["bfloat16"].met_by(kind) else "float16",
        "yes" if KV_CACHE_DTYPES["fp8"].met_by(kind) else "no",
        _able(kind, QUANTIZATIONS),
        _able(kind, ATTENTION_BACKENDS),
        kind.source.partition(":")[0],
    )
    return f"| {' | '.join(cells)} |"


def test_the_table_of_the_page_is_the_table_that_settings_are_checked_against() -> None:
    """Each kind, and what it can do."""
    page = PAGE.read_text()
    for kind in GPU_KINDS.values():
        if not kind.is_other:
            assert _row(kind) in page.splitlines(), _row(kind)
