"""`docfleet job --html`, `reviews` and `delete` as a user types them, on real servers."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from ledger.ledger import Ledger
from schemas.document import Page, PageText, Prepared
from schemas.queues import infer_queue
from settings.fleet import FleetSettings
from storage.s3 import S3Store
from tests.fixtures.command import Command
from tests.fixtures.hand_worker import claim, succeed, task_result
from tests.fixtures.servers import Buckets
from workers.page_text import page_text_uri, store_page_text

SHA256 = "1" * 64
REASON = "summary: /summary: ungrounded"


async def _ended(docfleet: Command, ledger: Ledger, s3: Buckets, settings: FleetSettings) -> str:
    """A job whose result needs a review; gives its id."""
    s3.client.put_object(Bucket=s3.incoming, Key="claim.txt", Body=b"Hail <broke> a skylight.")
    done = await docfleet("submit", f"s3://{s3.incoming}/claim.txt", "--task", "summary")
    assert done.code == 0, done.err
    job_id = done.out.split()[0]
    page = Page(number=1, text="Hail <broke> a skylight.", start=0)
    uri = page_text_uri(settings.work_bucket, "default", SHA256)
    store = S3Store()
    await store_page_text(
        store, uri, PageText(sha256=SHA256, media_type="text/plain", size=1, pages=(page,))
    )
    store.close()
    prepared = Prepared(
        text_uri=uri, sha256=SHA256, media_type="text/plain", size=1, pages=1, tokens=1
    )
    await ledger.advance(await claim(ledger, job_id), infer_queue("cpu"), prepared)
    made = {"summary": task_result({"summary": "Snow."})}
    await succeed(ledger, s3.results, job_id, made, needs_review=[REASON])
    return job_id


async def test_a_result_is_looked_at_corrected_exported_and_deleted(
    docfleet: Command, ledger: Ledger, s3: Buckets, settings: FleetSettings, tmp_path: Path
) -> None:
    """The whole way of one result through the commands."""
    job_id = await _ended(docfleet, ledger, s3, settings)
    page = tmp_path / "result.html"
    done = await docfleet("job", job_id, "--html", str(page))
    assert (done.code, done.out.split()[0]) == (0, str(page)), done.err
    assert "Hail &lt;broke&gt; a skylight." in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR
    done = await docfleet("job", job_id, "--html", str(tmp_path / "no" / "x.html"))
    assert (done.code, "there is no folder" in done.err) == (2, True)

    listed = await docfleet("reviews", "list", "--state", "open")
    assert (listed.code, job_id in listed.out, REASON in listed.out) == (0, True, True)
    taken = await docfleet("reviews", "take", job_id, "--reviewer", "jane", "--for", "1h")
    assert (taken.code, "taken" in taken.out) == (0, True), taken.err
    refused = await docfleet("reviews", "accept", job_id, "--reviewer", "joe")
    assert (refused.code, "jane reviews" in refused.err) == (1, True)
    wrong = await docfleet(
        "reviews", "correct", job_id, "summary", "/summary=7", "--reviewer", "jane"
    )
    assert (wrong.code, "is not valid" in wrong.err) == (2, True)
    right = await docfleet(
        "reviews", "correct", job_id, "summary", "/summary=Hail.", "--reviewer", "jane"
    )
    assert (right.code, "corrected" in right.out, "corrections/" in right.out) == (0, True, True)
    lines = tmp_path / "lines.jsonl"
    done = await docfleet("reviews", "export", "--task", "summary", "--out", str(lines))
    assert (done.code, "1 line" in done.out) == (0, True), done.err
    (line,) = map(json.loads, lines.read_text().splitlines())
    assert (line["before"], line["truth"]) == ({"summary": "Snow."}, {"summary": "Hail."})

    kept = await docfleet("delete", job_id, answer="n\n")
    assert (kept.code, "nothing is deleted" in kept.err) == (2, True)
    gone = await docfleet("delete", job_id, "--yes")
    assert (gone.code, gone.out) == (0, f"{job_id}  deleted\n"), gone.err
    assert await ledger.job(job_id) is None
    again = await docfleet("delete", f"s3://{s3.incoming}/claim.txt", "--yes")
    assert (again.code, "has no document" in again.err) == (1, True)
