"""The stage `deliver`: one signed webhook, until it is acknowledged or dead."""

from __future__ import annotations

import structlog
from structlog.contextvars import bound_contextvars

from ledger.claim import Claim
from ledger.record import from_unix_ms
from ledger.webhooks.endpoints import EndpointRecords
from schemas.failure import Failure, FailureCode
from schemas.job import ReceiverAnswer
from schemas.queues import DELIVER_QUEUE
from schemas.result import JobResult
from schemas.states import JobState
from schemas.webhooks.delivery import DeliverySpec
from schemas.webhooks.endpoint import DisabledReason
from schemas.webhooks.event import EventBase, PayloadKind
from settings.sections.callbacks import CallbackSettings
from storage.errors import ObjectMissingError, ObjectTooLargeError
from storage.objects import ObjectStore
from workers.deliver.egress import EgressGuard
from workers.deliver.receiver import Receiver, Receivers
from workers.deliver.retry_schedule import next_wait
from workers.deliver.signature import build_event, sign
from workers.deliver.webhook import Answer, WebhookSender
from workers.errors import StageError
from workers.metrics import observe_webhook
from workers.objects import parsed, storage_failures
from workers.outcome import DeadLetter, Finished, Outcome, Retry

log = structlog.get_logger(__name__)


class DeliverStage:
    """Sends what the ledger says is to be told of.

    Args:
        settings: Timeout, concurrency and schedule.
        receivers: Finds whom a delivery goes to.
        endpoints: Those that answer 410, or only fail, are disabled here.
        store: Where the results lie that full events carry.
        guard: Says where deliveries may go.
    """

    queue = DELIVER_QUEUE
    engine = None

    def __init__(
        self,
        settings: CallbackSettings,
        receivers: Receivers,
        endpoints: EndpointRecords,
        store: ObjectStore,
        guard: EgressGuard,
    ) -> None:
        self._guard = guard
        self._settings = settings
        self._receivers = receivers
        self._endpoints = endpoints
        self._store = store
        self._sender: WebhookSender | None = None
        self.capacity = self.max_capacity = settings.concurrency

    async def start(self) -> None:
        """Open the HTTP session."""
        self._sender = WebhookSender(self._guard, timeout_seconds=self._settings.timeout_seconds)

    async def run(self, claim: Claim) -> Outcome:
        """See WorkerStage."""
        if self._sender is None:
            raise StageError(FailureCode.WORKER_ERROR, "The stage has not been started.")
        spec = claim.delivery
        with bound_contextvars(job_id=spec.job, tenant=spec.tenant, endpoint_id=spec.endpoint):
            try:
                receiver = await self._receivers.of(spec, claim.claimed_ms)
                event = await self._event(claim.id, spec)
            except StageError as error:
                if error.outage_seconds is not None:
                    raise  # the store's outage must not use up the receiver's schedule
                return self._failed(error.failure, claim)
            body = event.model_dump_json(exclude_none=True)
            headers = sign(receiver.secrets, claim.id, from_unix_ms(claim.claimed_ms), body)
            answer = await self._sender.send(receiver.url, body.encode(), headers, tls=receiver.tls)
            observe_webhook(answer.status, answer.latency_ms / 1000, forbidden=answer.forbidden)
            log.info("webhook sent", status=answer.status, latency_ms=answer.latency_ms)
            return await self._after(answer, claim, spec, receiver)

    async def _event(self, delivery_id: str, spec: DeliverySpec) -> EventBase:
        if spec.payload is PayloadKind.THIN or spec.result_uri is None or spec.review:
            return build_event(delivery_id, spec)
        with storage_failures():
            try:
                data = await self._store.get(spec.result_uri, max_bytes=self._settings.full_bytes)
            except (ObjectTooLargeError, ObjectMissingError):
                return build_event(delivery_id, spec, omitted=True)
            result = parsed(JobResult, data, spec.result_uri)
        return build_event(delivery_id, spec, result)

    async def _after(
        self, answer: Answer, claim: Claim, spec: DeliverySpec, receiver: Receiver
    ) -> Outcome:
        taken = ReceiverAnswer(status=answer.status, latency_ms=answer.latency_ms, text=answer.text)
        if answer.acknowledged:
            return Finished(JobState.SUCCEEDED, answer=taken)
        if spec.endpoint is not None:
            reason = self._hopeless(answer, claim, receiver)
            if reason is not None:
                log.warning("endpoint disabled", reason=reason)
                await self._endpoints.disable(spec.endpoint, reason)
                if reason is DisabledReason.FAILING:
                    words = f"{spec.endpoint} has only failed since {receiver.failing_since}."
                    failure = Failure.of(FailureCode.DELIVERY_DISABLED, words)
                    return DeadLetter(failure, answer=taken)
        return self._failed(_failure(answer), claim, taken, answer.retry_after_seconds)

    def _hopeless(self, answer: Answer, claim: Claim, receiver: Receiver) -> DisabledReason | None:
        if answer.gone:
            return DisabledReason.GONE
        if receiver.failing_since is None:
            return None
        failed_for = (from_unix_ms(claim.claimed_ms) - receiver.failing_since).total_seconds()
        hopeless = failed_for >= self._settings.disable_after_seconds
        return DisabledReason.FAILING if hopeless else None

    def _failed(
        self,
        failure: Failure,
        claim: Claim,
        answer: ReceiverAnswer | None = None,
        retry_after_seconds: float = 0,
    ) -> Outcome:
        schedule = self._settings.schedule_seconds
        if not failure.transient or claim.attempt > len(schedule):
            return DeadLetter(failure, answer=answer)
        wait = next_wait(schedule[claim.attempt - 1], claim.jitter, retry_after_seconds)
        return Retry(failure, wait, answer=answer)

    async def stop(self) -> None:
        """Close the HTTP session."""
        if self._sender is not None:
            await self._sender.close()


def _failure(answer: Answer) -> Failure:
    if answer.forbidden:
        return Failure.of(FailureCode.DELIVERY_FORBIDDEN, f"Nothing was sent. {answer.text}")
    if answer.gone:
        return Failure.of(FailureCode.DELIVERY_GONE, "The receiver answered 410.")
    if answer.status is None:
        return Failure.of(FailureCode.DELIVERY_UNREACHABLE, answer.text)
    return Failure.of(
        FailureCode.DELIVERY_REFUSED, f"The receiver answered {answer.status}: {answer.text}"
    )
