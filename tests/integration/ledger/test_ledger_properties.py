"""The ledger under random interleavings of all that can happen to it, against a model.

`pytest --hypothesis-profile=deep` looks further; the profiles are in tests/conftest.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger import keys
from ledger.claim import Claim
from schemas.ids import JOB_PREFIX
from schemas.job import Priority
from schemas.queues import DELIVER_QUEUE, PREPARE_QUEUE, infer_queue
from schemas.states import JobState, Stage
from tests.fixtures.ledger.steps import LedgerSteps

T = TypeVar("T")

POOLS = ("cpu", "gpu")
INFER_QUEUES = tuple(infer_queue(pool) for pool in POOLS)
QUEUES = (PREPARE_QUEUE, *INFER_QUEUES, DELIVER_QUEUE)
WORKERS = ("w1", "w2")
TENANTS = ("default", "acme")
JOBS = tuple(f"{JOB_PREFIX}{n:024x}" for n in range(7))
UNHEARD_OF = f"{JOB_PREFIX}{'f' * 24}"
DRAINS = 40
"""Rounds, each of which brings every record on that is not closed."""

nth = st.integers(0, 15)
flag = st.booleans()
worker = st.sampled_from(WORKERS)
queue_name = st.sampled_from(QUEUES)
infer_queue_name = st.sampled_from(INFER_QUEUES)
capacity = st.dictionaries(queue_name, st.integers(0, 4), max_size=3)
job_end = st.sampled_from(
    (JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED, JobState.DEAD, JobState.CANCELLED)
)


def _of(candidates: Sequence[T], n: int) -> T:
    return candidates[n % len(candidates)]


class LedgerMachine(RuleBasedStateMachine):
    """Chooses the next step; the steps are checked where they are taken."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.steps = LedgerSteps(self.url)

    def _records(self, *states: JobState) -> list[str]:
        return self.steps.model.in_state(*(states or JobState))

    def _unspent(self) -> list[Claim]:
        return [claim for claim in self.steps.claims if claim.token not in self.steps.spent]

    @initialize(callbacks=st.lists(flag, min_size=2, max_size=len(JOBS)), capacity=capacity)
    def start(self, callbacks: Sequence[bool], capacity: Mapping[str, int]) -> None:
        """A fleet with work to do."""
        for job_id, tenant, callback in zip(JOBS, cycle(TENANTS), callbacks, strict=False):
            self.steps.submit(job_id, tenant=tenant, callback=callback)
        self.steps.heartbeat("w1", capacity, [])

    @rule(
        job_id=st.sampled_from(JOBS),
        priority=st.sampled_from(Priority),
        tenant=st.sampled_from(TENANTS),
        callback=flag,
        most=st.sampled_from((0, 0, 1, 2)),
    )
    def submit(
        self, job_id: str, priority: Priority, tenant: str, *, callback: bool, most: int
    ) -> None:
        """New, repeated, in conflict with what has this id, or one too many of its tenant."""
        self.steps.submit(job_id, priority=priority, tenant=tenant, callback=callback, most=most)

    @precondition(lambda self: self._unused())
    @rule(n=nth, tenant=st.sampled_from(TENANTS))
    def submit_one_too_many(self, n: int, tenant: str) -> None:
        """A tenant has as many in line as it may, and then may have one more."""
        job_id, most = _of(self._unused(), n), self.steps.in_line(tenant)
        for allowed in (most, most + 1):
            self.steps.submit(job_id, tenant=tenant, callback=True, most=allowed)

    def _unused(self) -> list[str]:
        return [job_id for job_id in JOBS if job_id not in self.steps.model.records]

    @rule(
        weights=st.dictionaries(st.sampled_from(TENANTS), st.floats(0.5, 4)),
        bounds=st.dictionaries(st.sampled_from(TENANTS), st.integers(1, 2)),
    )
    def set_tenants(self, weights: Mapping[str, float], bounds: Mapping[str, int]) -> None:
        """Tenants share the lines by other weights, and within other bounds."""
        self.steps.set_tenants(weights, bounds)

    @precondition(lambda self: self._with_messages())
    @rule(n=nth, name=worker)
    def take(self, n: int, name: str) -> None:
        """A worker takes the next message."""
        self.steps.take(_of(self._with_messages(), n), name)

    def _with_messages(self) -> list[str]:
        return [queue for queue in QUEUES if queue in self.steps.seen.values]

    @precondition(lambda self: self._records())
    @rule(n=nth, queue=st.sampled_from(("", *QUEUES)), name=worker)
    def claim_without_message(self, n: int, queue: str, name: str) -> None:
        """A message that is not in the list any more, or that never was."""
        self.steps.claim(_of(self._records(), n), queue, worker=name)

    @precondition(lambda self: self._unspent())
    @rule(n=nth)
    def claim_again(self, n: int) -> None:
        """The reply to a claim was lost."""
        claim = _of(self._unspent(), n)
        self.steps.claim(claim.id, "", claim.token)

    @rule(name=worker, capacity=capacity, picks=st.lists(nth, max_size=4))
    def heartbeat(self, name: str, capacity: Mapping[str, int], picks: Sequence[int]) -> None:
        """A worker renews some leases, among them such as it has lost."""
        claims = [*self.steps.held(), *self.steps.claims]
        held = {_of(claims, n).token: _of(claims, n) for n in picks} if claims else {}
        self.steps.heartbeat(name, capacity, list(held.values()))

    @precondition(lambda self: self._called())
    @rule(n=nth)
    def come(self, n: int) -> None:
        """A worker claims a suspect that it was told to take."""
        record_id = _of(self._called(), n)
        self.steps.claim(record_id, "", worker=str(self.steps.model.records[record_id].called))

    def _called(self) -> list[str]:
        return [key for key, record in self.steps.model.records.items() if record.called]

    @precondition(lambda self: keys.ALONE.partition("{")[0] in " ".join(self.steps.seen.values))
    @rule()
    def end_rests(self) -> None:
        """A worker has served others for long enough, and somebody has to be alone."""
        self.steps.end_rests()

    @rule(name=worker, swept=flag)
    def die(self, name: str, *, swept: bool) -> None:
        """A worker dies with all that it holds, and somebody says so, or the sweep sees it."""
        if swept:
            self.steps.silence(name)
            self.steps.sweep(late=False)
        else:
            self.steps.bury(name)

    @rule(name=worker, slots=st.integers(1, 4), deaths=st.integers(1, 4))
    def crash_again_and_again(self, name: str, slots: int, deaths: int) -> None:
        """A worker comes, takes what it may, and dies."""
        for _ in range(deaths):
            self._work_on(name, slots)
            self.steps.bury(name)

    def _work_on(self, name: str, slots: int) -> None:
        self.steps.heartbeat(name, dict.fromkeys(QUEUES, slots), [])
        for record_id in self._called():
            if self.steps.model.records[record_id].called == name:
                self.steps.claim(record_id, "", worker=name)
        for queue in self._with_messages():
            for _ in range(slots):
                self.steps.take(queue, name)

    @precondition(lambda self: self._preparing())
    @rule(n=nth, queue=infer_queue_name, again=flag)
    def advance(self, n: int, queue: str, *, again: bool) -> None:
        """A job is prepared; the reply may be lost."""
        claim = _of(self._preparing(), n)
        for _ in range(1 + again):
            self.steps.advance(claim, queue)

    def _preparing(self) -> list[Claim]:
        return [claim for claim in self.steps.held() if claim.stage is Stage.PREPARE]

    @precondition(lambda self: self.steps.held())
    @rule(n=nth, end=job_end, entry=flag, again=flag)
    def finish(self, n: int, end: JobState, *, entry: bool, again: bool) -> None:
        """A record ends; the reply may be lost."""
        claim = _of(self.steps.held(), n)
        for _ in range(1 + again):
            self._finish(claim, end, entry=entry)

    def _finish(self, claim: Claim, end: JobState, *, entry: bool = False) -> None:
        delivered = claim.stage is None and end is not JobState.DEAD
        self.steps.finish(claim, JobState.SUCCEEDED if delivered else end, entry=entry)

    @precondition(lambda self: self._with_messages())
    @rule(n=nth, end=job_end, onward=flag)
    def work(self, n: int, end: JobState, *, onward: bool) -> None:
        """A worker takes the next message and brings its record on."""
        claim = self.steps.take(_of(self._with_messages(), n))
        if claim is not None and claim.stage is Stage.PREPARE and onward:
            self.steps.advance(claim, _of(INFER_QUEUES, n))
        elif claim is not None:
            self._finish(claim, end)

    @precondition(lambda self: self.steps.held())
    @rule(n=nth, wait=flag, charge=flag, suspect=flag, again=flag)
    def release(self, n: int, *, wait: bool, charge: bool, suspect: bool, again: bool) -> None:
        """An attempt failed, or its worker shuts down; the reply may be lost."""
        claim = _of(self.steps.held(), n)
        for _ in range(1 + again):
            self.steps.release(
                claim, wait=wait, charge=charge, suspect=suspect, kept=suspect, entry=charge
            )

    @precondition(lambda self: self._held_jobs())
    @rule(n=nth, queue=infer_queue_name, wait=flag)
    def release_elsewhere(self, n: int, queue: str, *, wait: bool) -> None:
        """A job does not fit its pool and goes to another."""
        claim: Claim | None = _of(self._held_jobs(), n)
        if claim is not None and claim.stage is Stage.PREPARE:
            self.steps.advance(claim, _of(INFER_QUEUES, n))
            claim = self.steps.claim(claim.id, "")
        if claim is not None:
            self.steps.release(claim, queue=queue, wait=wait, charge=True)

    def _held_jobs(self) -> list[Claim]:
        return [claim for claim in self.steps.held() if claim.stage is not None]

    @precondition(lambda self: self.steps.stale())
    @rule(n=nth, kind=st.sampled_from(("advance", "finish", "release", "heartbeat")))
    def write_late(self, n: int, kind: str) -> None:
        """A worker wakes up long after its attempt, and writes."""
        stale = self.steps.stale()
        taken_over = [claim for claim in stale if claim.id in self._records(JobState.RUNNING)]
        claim = _of(taken_over or stale, n)
        match kind:
            case "advance":
                self.steps.advance(claim, INFER_QUEUES[0])
            case "finish":
                self.steps.finish(claim, JobState.SUCCEEDED)
            case "release":
                self.steps.release(claim, charge=True, suspect=True, entry=True)
            case _:
                self.steps.heartbeat("w1", {}, [claim])

    @rule(job_id=st.sampled_from((*JOBS, UNHEARD_OF)))
    def cancel(self, job_id: str) -> None:
        """The owner of a job cancels it, whatever its state."""
        self.steps.cancel(job_id)

    @precondition(lambda self: self._held_jobs())
    @rule(n=nth, wait=flag)
    def cancel_running(self, n: int, *, wait: bool) -> None:
        """The owner cancels a job that runs, and its attempt fails before its worker is told."""
        claim = _of(self._held_jobs(), n)
        self.steps.cancel(claim.id)
        self.steps.release(claim, wait=wait, charge=True)

    @precondition(lambda self: self._redrivable())
    @rule(n=nth, pool=st.sampled_from((None, *POOLS)), anew=flag)
    def redrive(self, n: int, pool: str | None, *, anew: bool) -> None:
        """A dead letter, or a job of partial success, goes round again."""
        self.steps.redrive(_of(self._redrivable(), n), pool, {"fnol": "2"} if anew else {})

    @precondition(lambda self: self.steps.held())
    @rule(n=nth, pool=st.sampled_from(POOLS), anew=flag)
    def die_alone(self, n: int, pool: str, *, anew: bool) -> None:
        """A suspect is run once more and dies; somebody redrives it, and that does not help."""
        suspect = _of(self.steps.held(), n)
        self.steps.release(suspect, charge=False, suspect=True)
        for asked in (pool, None):
            claim = self.steps.claim(suspect.id, "")
            if claim is not None:
                self.steps.finish(claim, JobState.DEAD)
                self.steps.redrive(claim.id, asked, {"fnol": "2"} if asked and anew else {})

    def _redrivable(self) -> list[str]:
        return self._records(JobState.DEAD, JobState.PARTIALLY_SUCCEEDED)

    @precondition(lambda self: self._records(JobState.DEAD))
    @rule(n=nth)
    def drop(self, n: int) -> None:
        """A dead letter is dropped."""
        self.steps.drop(_of(self._records(JobState.DEAD), n))

    @rule(job_id=st.sampled_from((*JOBS, UNHEARD_OF)))
    def delete(self, job_id: str) -> None:
        """A job is deleted, whatever its state."""
        self.steps.delete(job_id)

    @rule(n=nth)
    def redrive_or_drop_by_mistake(self, n: int) -> None:
        """Somebody names a record that is no dead letter."""
        record_id = _of(self._not_dead(), n)
        self.steps.redrive(record_id, None, {})
        self.steps.drop(record_id)

    def _not_dead(self) -> list[str]:
        return [UNHEARD_OF, *(key for key in self._records() if key not in self._redrivable())]

    @rule(late=flag)
    def sweep(self, *, late: bool) -> None:
        """The fleet looks for what broke."""
        self.steps.sweep(late=late)

    @precondition(lambda self: keys.ENDED in self.steps.seen.values)
    @rule()
    def forget(self) -> None:
        """So does it long after all that ended."""
        self.steps.sweep(late=False, forget=True)

    @rule(job_id=st.sampled_from(JOBS))
    def come_again(self, job_id: str) -> None:
        """A document whose job was forgotten is found anew, and its job ends as it did before."""
        self.steps.sweep(late=False, forget=True)
        if job_id in self.steps.model.records:
            return
        self.steps.submit(job_id, callback=True)
        claim = self.steps.claim(job_id, "")
        if claim is not None:
            self.steps.finish(claim, JobState.SUCCEEDED)

    @precondition(lambda self: keys.SWEPT in self.steps.seen.values and not self.steps.model.outage)
    @rule()
    def sweep_too_soon(self) -> None:
        """One sweep an interval is enough."""
        self.steps.sweep_too_soon()

    @precondition(lambda self: self._records(JobState.RUNNING))
    @rule(n=nth, swept=flag)
    def end_lease(self, n: int, *, swept: bool) -> None:
        """A worker dies or hangs, and the sweep notices, at once or later."""
        self.steps.end_lease(_of(self._records(JobState.RUNNING), n))
        if swept:
            self.steps.sweep(late=False)

    @precondition(lambda self: self._records(JobState.QUEUED))
    @rule(n=nth, losses=st.integers(1, 3), charge=flag)
    def lose_workers(self, n: int, losses: int, *, charge: bool) -> None:
        """A job kills some of those who run it, and the next one gets further."""
        record_id = _of(self._records(JobState.QUEUED), n)
        for _ in range(losses):
            if self._bring(record_id) is not None:
                self.steps.end_lease(record_id)
                self.steps.sweep(late=False)
        claim = self._bring(record_id)
        for late in [late for late in self.steps.stale() if late.id == record_id]:
            self.steps.heartbeat("w2", {}, [late])
        if claim is not None and claim.stage is Stage.PREPARE and not charge:
            self.steps.advance(claim, _of(INFER_QUEUES, n))
        elif claim is not None:
            self.steps.release(claim, charge=charge, suspect=charge, wait=losses == 1)

    def _bring(self, record_id: str) -> Claim | None:
        """A worker takes a record, for which it may have to be called."""
        claim = self.steps.claim(record_id, "")
        if claim is None and self.steps.model.records[record_id].company is not None:
            self.steps.heartbeat("w1", dict.fromkeys(QUEUES, 4), [])
            claim = self.steps.claim(record_id, "")
        return claim

    @precondition(lambda self: self._records(JobState.WAITING))
    @rule(n=nth)
    def end_wait(self, n: int) -> None:
        """A waiting record falls due."""
        self.steps.end_wait(_of(self._records(JobState.WAITING), n))

    @precondition(lambda self: keys.BROKEN in self.steps.seen.values)
    @rule()
    def end_breaks(self) -> None:
        """A receiver that failed again and again may be tried once more."""
        self.steps.end_breaks()
        self.steps.sweep(late=False)

    @rule(trouble=st.sampled_from(("silence", "outage", "memory")), name=worker)
    def suffer(self, trouble: str, name: str) -> None:
        """A worker falls silent, the whole fleet is away, or Redis is nearly full."""
        match trouble:
            case "silence":
                self.steps.silence(name)
            case "outage":
                self.steps.be_away()
            case _:
                self.steps.fill_memory()

    @precondition(lambda self: self._out())
    @rule(n=nth, worn=flag)
    def lose_messages(self, n: int, *, worn: bool) -> None:
        """Redis loses a record's message, for the first or for the last time."""
        record_id = _of(self._out(), n)
        self.steps.lose_messages(record_id)
        if worn:
            self.steps.wear_out(record_id)

    def _out(self) -> list[str]:
        return sorted(key for name in QUEUES for key in self.steps.seen.dispatched(name))

    @precondition(lambda self: self._with_messages())
    @rule(n=nth, other=queue_name)
    def copy_message(self, n: int, other: str) -> None:
        """A message comes twice, or where it does not belong."""
        self.steps.copy_message(_of(self._with_messages(), n), other)

    def teardown(self) -> None:
        """Whatever happened, every job comes to its end when the fleet works on."""
        try:
            if self.steps.sound:
                self._drain()
        finally:
            self.steps.close()

    def _drain(self) -> None:
        for _ in range(DRAINS):
            if not self._records(JobState.QUEUED, JobState.RUNNING, JobState.WAITING):
                return
            for claim in self.steps.held():
                self.steps.finish(claim, JobState.SUCCEEDED)
            for record_id in self._records(JobState.WAITING):
                self.steps.end_wait(record_id)
            self.steps.end_breaks()
            self.steps.end_rests()
            self.steps.sweep(late=True)
            for name in WORKERS:
                self._work_on(name, 4)
        open_still = self._records(JobState.QUEUED, JobState.RUNNING, JobState.WAITING)
        raise AssertionError(f"never closed: {open_still}")


@pytest.mark.timeout(3600)  # the deep profile takes its time
def test_no_interleaving_loses_a_job_or_counts_it_twice(valkey_server: str) -> None:
    """After each step Redis is as the model says, and in the end every record is closed."""

    class OnThisServer(LedgerMachine):
        url = valkey_server

    run_state_machine_as_test(OnThisServer, settings=settings())
