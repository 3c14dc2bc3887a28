"""Pages that nothing could read, from the document's bytes to the job's end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from schemas.document import DocumentRef, PageSource
from schemas.failure import FailureCode
from schemas.ids import new_job_id
from schemas.job import JobSpec
from schemas.queues import PREPARE_QUEUE
from schemas.result import TaskStatus
from schemas.states import JobState
from schemas.task import UnreadPages
from settings.fleet import FleetSettings
from settings.sections.limits import LimitSettings
from settings.sections.ocr import OcrSettings
from tests.fixtures.documents.pages import paper, scan
from tests.fixtures.infer_scene import POOL, InferScene
from workers.errors import StageError
from workers.models.model_tokenizer import ModelTokenizer
from workers.outcome import Advanced
from workers.prepare.document import read_document
from workers.prepare.sandbox import Sandbox
from workers.prepare.stage import PoolTokens, PrepareStage
from workers.routing import PoolLimits

LETTER = "Claim 4711: hail broke two skylights."
SCAN = scan("Page two", size=(620, 877))


@pytest.fixture
async def scene(settings: FleetSettings) -> AsyncIterator[InferScene]:
    """An infer worker of the only pool."""
    scene = InferScene(settings)
    await scene.restart()
    yield scene
    await scene.close()


@pytest.fixture
async def prepare(settings: FleetSettings, scene: InferScene) -> AsyncIterator[PrepareStage]:
    """The stage before it, without OCR."""
    without = settings.model_copy(update={"ocr": OcrSettings(enabled=False)})
    stage = prepare_stage(without, scene)
    yield stage
    await stage.stop()


def prepare_stage(settings: FleetSettings, scene: InferScene) -> PrepareStage:
    """A stage with the settings."""
    pool = PoolTokens(PoolLimits(POOL, "smollm2", 8192), ModelTokenizer("none"))
    return PrepareStage(settings, scene.store, scene.tasks, [pool])


async def through(scene: InferScene, stage: PrepareStage, data: bytes) -> str:
    """A job of one task on the document, prepared and run; its id."""
    job_id = new_job_id()
    uri = f"s3://{scene.work_bucket}/{job_id}.pdf"
    await scene.store.put(uri, data, media_type="application/pdf")
    await scene.ledger.submit(job_id, JobSpec(document=DocumentRef(uri=uri), tasks=("first",)))
    claim = await scene.ledger.claim(job_id, "w0", 30, queue=PREPARE_QUEUE)
    assert claim is not None
    advanced = await stage.run(claim)
    assert isinstance(advanced, Advanced)
    await scene.ledger.advance(claim, advanced.queue, advanced.prepared)
    await scene.run(job_id)
    return job_id


async def test_a_job_whose_scanned_page_was_not_read_succeeds_in_part_and_names_the_page(
    scene: InferScene, prepare: PrepareStage
) -> None:
    """The state, the result and its reasons for review say so."""
    job_id = await through(scene, prepare, paper(LETTER, SCAN, "The end."))
    assert (await scene.state(job_id)).state is JobState.PARTIALLY_SUCCEEDED
    result = await scene.result(job_id)
    assert (result.document.pages_read, result.document.unread_pages) == ((1, 3), (2,))
    assert result.tasks["first"].status is TaskStatus.INCOMPLETE
    assert any("unread pages 2" in reason for reason in result.needs_review)


async def test_a_document_whose_scanned_page_is_read_by_ocr_succeeds(
    settings: FleetSettings, scene: InferScene
) -> None:
    """A document that was prepared without OCR is read again, with its page."""
    document = paper(LETTER, SCAN, "The end.")
    for on, unread in ((False, (2,)), (True, ())):
        chosen = settings.model_copy(update={"ocr": OcrSettings(enabled=on)})
        stage = prepare_stage(chosen, scene)
        result = await scene.result(await through(scene, stage, document))
        await stage.stop()
        assert result.document.unread_pages == unread
    assert result.tasks["first"].status is TaskStatus.SUCCEEDED


async def test_a_task_that_wants_all_pages_fails_where_one_was_not_read(
    scene: InferScene, prepare: PrepareStage
) -> None:
    """The dead letter names the page."""
    scene.tasks["first"] = scene.tasks["first"].model_copy(
        update={"unread_pages": UnreadPages.FAIL}
    )
    job = await scene.state(await through(scene, prepare, paper(LETTER, SCAN)))
    assert job.state is JobState.DEAD
    assert job.failure is not None
    assert job.failure.code is FailureCode.DOCUMENT_UNREAD_PAGES
    assert job.failure.message.endswith("2.")


async def test_a_document_of_unread_pages_has_no_text(sandbox: Sandbox) -> None:
    """A stamp on each does not change that."""
    with pytest.raises(StageError) as caught:
        await read_document(paper(SCAN, SCAN, stamp="Received"), LimitSettings(), sandbox)
    assert caught.value.failure.code is FailureCode.DOCUMENT_NO_TEXT
    assert "2 show something that could not be read" in caught.value.failure.message


async def test_the_reader_says_of_each_page_where_its_text_is_from(sandbox: Sandbox) -> None:
    """The origin is stored with the page text."""
    read = await read_document(paper(LETTER, SCAN), LimitSettings(), sandbox)
    assert [page.source for page in read.pages] == [PageSource.TEXT, PageSource.UNREAD]
    assert read.unread_pages == (2,)
