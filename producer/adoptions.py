"""Adoptions: an upload that a job waits for is its document, and becomes no second job.

A job that names an object which is not there dies of `document.missing`. When the object comes,
the job goes round again, whether the watcher meets it first or somebody redrives the job.
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
    """Find out whether a drop is the document of a job; a dead one is sent round again.

    Args:
        ledger: Holds both.
        drop_id: Of the job that the drop would become.
        spec: What that would do.
        rule: The one that it fits.
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
    except NotDeadError:  # somebody redrove it in this moment, with this drop or before it came
        claimant = await ledger.adoptions.claimant(drop_id, spec.tenant, spec.document.uri)
        return claimant is not None and not claimant.is_dead
    log.info("a job that waited for this drop goes round again", job=claimant.id)
    return True


def _is_for_the_rest(rule: RuleSettings) -> bool:
    """Return whether a rule takes what no other rule and nobody else has asked for."""
    return not (rule.prefix or rule.suffix or rule.tags or rule.manifest)


def _does_all(claimant: Claimant, spec: JobSpec) -> bool:
    """Return whether a job does all that a rule asks for with a drop."""
    own = claimant.spec
    return (
        set(spec.tasks) <= set(own.tasks)
        and spec.metadata.items() <= own.metadata.items()
        and (spec.callback is None or spec.callback == own.callback)
    )


async def found_document(
    ledger: Ledger, store: ObjectStore, record_id: str, *, with_metadata: bool
) -> Adoption | None:
    """Return what lies there now for a job that died because nothing did; None for any other.

    Raises:
        StorageError: The store does not say.
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
