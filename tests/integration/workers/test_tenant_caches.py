"""Caches belong to one tenant: no tenant learns from them what another has sent."""

from __future__ import annotations

from ledger.claim import Claim
from schemas.document import DocumentRef
from schemas.job import JobSpec
from schemas.states import Stage
from settings.fleet import FleetSettings
from settings.sections.tasks import load_tasks
from storage.s3 import S3Store
from tests.fixtures.servers import Buckets
from workers.models.model_tokenizer import ModelTokenizer
from workers.prepare.stage import PoolTokens, PrepareStage
from workers.routing import PoolLimits


async def test_the_same_bytes_of_two_tenants_are_read_for_each(
    settings: FleetSettings, s3: Buckets
) -> None:
    """The second tenant waits as long as the first did, and finds no text that is there already."""
    s3.client.put_object(Bucket=s3.incoming, Key="claim.txt", Body=b"Hail broke two skylights.")
    store = S3Store()
    pool = PoolLimits("cpu", "smollm2", 8192)
    tokens = PoolTokens(pool, ModelTokenizer("package:none"))
    stage = PrepareStage(settings, store, load_tasks(settings.tasks_dir), [tokens])
    texts = []
    for tenant in ("acme", "globex", "acme"):
        document = DocumentRef(uri=f"s3://{s3.incoming}/claim.txt")
        spec = JobSpec(document=document, tasks=("summary",), tenant=tenant).model_dump_json()
        claim = Claim("job_" + "0" * 24, "t", spec, 1, 0, 0, None, Stage.PREPARE)
        texts.append((await stage.run(claim)).prepared.text_uri)
    await stage.stop()
    store.close()
    assert texts[0] == texts[2] != texts[1]
    stored = s3.client.list_objects_v2(Bucket=s3.work)["Contents"]
    assert {f"s3://{s3.work}/{one['Key']}" for one in stored} == set(texts)
