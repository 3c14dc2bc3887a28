"""Adoptions: an object that a job waits for becomes its document, and no second job.

A job whose document does not exist dies of `document.missing`. When the object arrives, the job is
redriven, by the watcher or by a person.
"""

from __future__ import annotations

import structlog

from ledger.adoptions import Adoption, Claimant
from ledger.errors import NotDeadError
from ledger.ledger import Ledger
from producer.versions import dropped_document, dropped_job_id, version_of
from schemas.dead_letter import Redrive
from schemas.failure import FailureCode
from schemas.ids import RecordKind, record_kind
from schemas.job import JobSpec
from settings.sections.rules import RuleSettings
from storage.errors import ObjectForbiddenError, ObjectMissingError
from storage.objects import ObjectStore

log = structlog.get_logger(__name__)


async def belongs_to_a_job(ledger: Ledger, drop_id: str, spec: JobSpec, rule: RuleSettings) -> bool:
    """Tell whether a drop is the document of a job; redrive the job if it is dead.

    Args:
        ledger: Holds the jobs and the adoptions.
        drop_id: Id of the job that the drop would become.
        spec: Spec of that job.
        rule: The rule that the drop fits.
    """
    claimant = await ledger.adoptions.claimant(drop_id, spec.tenant, spec.document.uri)
    if claimant is None or claimant.spec.tenant != spec.tenant:
        return False
    if not (_is_for_the_rest(rule) or _does_all(claimant, spec)):
        return False
    if not claimant.is_dead:
        return True
    document = spec.document.model_copy(update={"name": claimant.spec.document.name})
    adoption = Adoption(drop_id, document)
    try:
        await ledger.dead_letters.redrive(claimant.id, Redrive(), adoption)
    except NotDeadError:  # somebody redrove the job at the same time
        claimant = await ledger.adoptions.claimant(drop_id, spec.tenant, spec.document.uri)
        return claimant is not None and not claimant.is_dead
    log.info("a job that waited for this drop goes round again", job=claimant.id)
    return True


def _is_for_the_rest(rule: RuleSettings) -> bool:
    """Return whether a rule takes every object that no other rule takes."""
    return not (rule.prefix or rule.suffix or rule.tags or rule.manifest)


def _does_all(claimant: Claimant, spec: JobSpec) -> bool:
    """Return whether a job does everything that a rule asks for."""
    own = claimant.spec
    return (
        set(spec.tasks) <= set(own.tasks)
        and spec.metadata.items() <= own.metadata.items()
        and (spec.callback is None or spec.callback == own.callback)
    )


async def found_document(
    ledger: Ledger, store: ObjectStore, record_id: str, *, with_metadata: bool
) -> Adoption | None:
    """Return the object for which a dead job waited, if it exists now; None otherwise.

    Raises:
        StorageError: The store does not answer.
    """
    letter = None
    if record_kind(record_id) is RecordKind.JOB:
        letter = await ledger.dead_letters.get(record_id)
    if letter is None or letter.document is None:
        return None
    if letter.failure.code is not FailureCode.DOCUMENT_MISSING:
        return None
    try:
        drop = await store.find(letter.document.uri)
        version = await version_of(store, drop)
    except (ObjectMissingError, ObjectForbiddenError):
        return None
    if version is None:
        return None
    document = dropped_document(drop, version, letter.document.name, with_metadata=with_metadata)
    return Adoption(dropped_job_id(drop), document)
