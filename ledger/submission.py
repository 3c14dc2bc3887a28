"""A submission: the arguments of its script, and the meaning of the answer."""

from __future__ import annotations

from typing import Any

from ledger.errors import IdempotencyError, LedgerFullError, TenantQuotaError
from ledger.share import check_share
from schemas.job import JobSpec, PinnedAdapter
from schemas.queues import PREPARE_QUEUE, infer_queue
from schemas.quota import Quota
from schemas.states import Stage


def submit_arguments(job_id: str, spec: JobSpec, pool: str | None, quota: Quota) -> list[Any]:
    """Return the arguments of the script `submit`, for a job that a pool may run at once."""
    return [
        job_id,
        spec.model_dump_json(exclude_defaults=True),
        infer_queue(pool) if pool else PREPARE_QUEUE,
        spec.priority.handicap_ms,
        int(spec.callback is not None),
        spec.lane,
        quota.in_line,
        Stage.INFER if pool else Stage.PREPARE,
        quota.stored,
    ]


def is_created(
    answer: Any, job_id: str, spec: JobSpec, quota: Quota, *, but_callback: bool
) -> bool:
    """Tell from the script's answer whether the job is new.

    Raises:
        LedgerError: The job was refused; see Ledger.submit.
    """
    check_share(spec.tenant, answer)
    outcome, present = answer
    if outcome == "full":
        raise LedgerFullError(
            "Redis uses 80 % of its maxmemory: wait for the backlog to shrink, or raise it"
        )
    if outcome == "deleted":
        raise IdempotencyError(f"{job_id} was deleted: its id is not used again for a while")
    if outcome == "quota":
        raise TenantQuotaError(
            f"tenant {spec.tenant} has {int(present):,} jobs in line and may have "
            f"{quota.in_line:,}: wait until some of them are done"
        )
    if outcome == "exists" and not _same(present, spec, but_callback=but_callback):
        raise IdempotencyError(f"{job_id} was submitted before, as another request")
    return bool(outcome == "created")


def _same(present: str, spec: JobSpec, *, but_callback: bool) -> bool:
    """Tell whether two requests are the same, as far as their senders say."""
    known = JobSpec.model_validate_json(present)
    # The object may have changed since: the request is still the same.
    known, spec = (
        one.model_copy(update={"document": one.document.unversioned()}) for one in (known, spec)
    )
    known, spec = (one.model_copy(update={"adapters": _asked(one)}) for one in (known, spec))
    if but_callback:
        known, spec = (one.model_copy(update={"callback": None}) for one in (known, spec))
    return known == spec


def _asked(spec: JobSpec) -> dict[str, PinnedAdapter | None]:
    """Return the adapters that the sender named: a task's default may change between two sends."""
    return {task: pin for task, pin in spec.adapters.items() if pin is None or not pin.by_default}
