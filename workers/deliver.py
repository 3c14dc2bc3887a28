"""The stage `deliver`: one signed webhook, until it is acknowledged or dead."""

from __future__ import annotations

import structlog
from structlog.contextvars import bound_contextvars

from ledger.claim import Claim
from ledger.record import moment
from schemas.delivery import DeliverySpec
from schemas.failure import Failure, FailureCode
from schemas.queues import DELIVER_QUEUE
from schemas.states import JobState
from settings.fleet import CallbackSettings
from workers.egress import EgressGuard
from workers.errors import StageError
from workers.outcome import DeadLetter, Finished, Outcome, Retry
from workers.signature import build_event, sign
from workers.webhook import Answer, WebhookSender

log = structlog.get_logger(__name__)


class DeliverStage:
    """Sends what the ledger says is to be told of.

    Args:
        settings: Timeout, concurrency and schedule.
        secret: Signs every webhook.
    """

    queue = DELIVER_QUEUE
    engine = None

    def __init__(self, settings: CallbackSettings, secret: str) -> None:
        self._settings = settings
        self._secret = secret
        self._sender: WebhookSender | None = None
        self.capacity = self.most = settings.concurrency

    async def start(self) -> None:
        """Open the HTTP session."""
        self._sender = WebhookSender(
            EgressGuard(self._settings.allow_networks, self._settings.ports),
            timeout_seconds=self._settings.timeout_seconds,
        )

    async def run(self, claim: Claim) -> Outcome:
        """See WorkerStage."""
        if self._sender is None:
            raise StageError(FailureCode.WORKER_ERROR, "The stage has not been started.")
        spec = DeliverySpec.model_validate_json(claim.spec)
        with bound_contextvars(job_id=spec.job, tenant=spec.tenant):
            body = build_event(claim.id, spec).model_dump_json(exclude_none=True)
            headers = sign(self._secret, claim.id, moment(claim.claimed_ms), body)
            answer = await self._sender.send(str(spec.url), body.encode(), headers)
            log.info("webhook sent", status=answer.status)
            return self._after(answer, claim.attempt)

    def _after(self, answer: Answer, attempt: int) -> Outcome:
        if answer.acknowledged:
            return Finished(JobState.SUCCEEDED)
        failure = _failure(answer)
        if not failure.transient or attempt > len(self._settings.schedule_seconds):
            return DeadLetter(failure)
        return Retry(failure, self._settings.schedule_seconds[attempt - 1])

    async def stop(self) -> None:
        """Close the HTTP session."""
        if self._sender is not None:
            await self._sender.close()


def _failure(answer: Answer) -> Failure:
    if answer.gone:
        return Failure.of(FailureCode.DELIVERY_GONE, "The receiver answered 410.")
    if answer.status is None:
        return Failure.of(FailureCode.DELIVERY_UNREACHABLE, answer.text)
    return Failure.of(
        FailureCode.DELIVERY_REFUSED, f"The receiver answered {answer.status}: {answer.text}"
    )
