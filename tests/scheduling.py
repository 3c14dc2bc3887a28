"""Which tests of a run share a process, where several processes run them (pytest-xdist)."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

_REAL_ENGINE = ("test_engine_", "test_guidable_engine", "acceptance/test_drops", "test_openai.py")
_ENGINE = "engine"
_LONGEST_FIRST = (_ENGINE, "tests/acceptance", "tests/integration")


def runs_real_engine(nodeid: str) -> bool:
    """Tell whether a test starts vLLM."""
    return any(name in nodeid.partition("::")[0] for name in _REAL_ENGINE)


class ModuleScheduling(LoadScopeScheduling):
    """Gives each process whole modules, the long ones first.

    All modules that run the real engine are one unit: two engines at once would take longer than
    one after the other, since each uses all cores. The scheduler `loadgroup` of pytest-xdist 3.8
    marks groups in a place that pytest 9.2 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _ENGINE if runs_real_engine(nodeid) else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=_rank), last=False)
        super()._assign_work_unit(node)


def _rank(scope: str) -> int:
    ranks = (rank for rank, start in enumerate(_LONGEST_FIRST) if scope.startswith(start))
    return next(ranks, len(_LONGEST_FIRST))
