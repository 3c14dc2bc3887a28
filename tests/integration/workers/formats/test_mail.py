"""Mail, with all that is attached to it."""

from __future__ import annotations

from email.message import EmailMessage

from schemas.document import PageText
from settings.sections.limits import LimitSettings
from tests.fixtures.documents.office import zipped
from tests.fixtures.documents.outlook import compound, message
from tests.fixtures.documents.pages import paper
from workers.prepare.document import read_document
from workers.prepare.sandbox import Sandbox

LIMITS = LimitSettings()
SENT = 133_830_000_000_000_000


def mail(body: str = "Dear all", subject: str = "Claim 4711 - Zoë") -> EmailMessage:
    """A mail with a plain body."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Zoë <z@b.example>", "c@d.example", subject
    made["Message-ID"] = "<1@b.example>"
    made.set_content(body)
    return made


def parts(read: PageText) -> list[tuple[str | None, str]]:
    """Part and text of each page."""
    return [(page.part, page.text) for page in read.pages]


async def test_a_mail_is_its_header_its_body_and_its_attachments(sandbox: Sandbox) -> None:
    """Encoded words and names are decoded; each attachment's pages follow with its name."""
    made = mail()
    made.add_attachment(paper("one", "two"), maintype="application", subtype="pdf",
                        filename="Zoë.pdf")  # fmt: skip
    made.add_attachment("note", filename="note.txt")
    read = await read_document(made.as_bytes(), LIMITS, sandbox)
    assert parts(read) == [
        (None, "From: Zoë <z@b.example>\nTo: c@d.example\nSubject: Claim 4711 - Zoë\nDear all"),
        ("Zoë.pdf", "one"),
        ("Zoë.pdf", "two"),
        ("note.txt", "note\n"),
    ]
    assert read.media_type == "message/rfc822"


async def test_the_richer_body_is_read(sandbox: Sandbox) -> None:
    """Plain text, unless the HTML has much that it lacks."""
    for plain, html, words in (
        ("All of it.", "<p>All of it.</p>", "All of it."),
        ("See HTML.", f"<table><tr><td>{'Paid ' * 20}<td>7</table>", "Paid Paid"),
    ):
        made = mail(plain)
        made.add_alternative(f"<html><body>{html}</body></html>", subtype="html")
        assert words in (await read_document(made.as_bytes(), LIMITS, sandbox)).text


async def test_mails_in_mails_and_archives_in_mails_are_read(sandbox: Sandbox) -> None:
    """A page names its way in."""
    inner = mail("inner body", "Fwd")
    inner.add_attachment(zipped({"a/b.txt": "deep"}), maintype="application", subtype="zip",
                         filename="all.zip")  # fmt: skip
    outer = mail()
    outer.add_attachment(inner)
    read = await read_document(outer.as_bytes(), LIMITS, sandbox)
    assert [page.part for page in read.pages] == [None, "Fwd", "Fwd/all.zip/a/b.txt"]
    assert read.pages[2].text == "deep"


async def test_an_attachment_that_cannot_be_read_is_an_unread_page_with_its_name_and_reason(
    sandbox: Sandbox,
) -> None:
    """Whichever way it is bad, the rest is read; a signature is no content."""
    bad = {
        "a.pdf": (b"%PDF-1.7 cut", "document.corrupt: "),
        "b.gif": (b"GIF89a", "document.unsupported: It is a GIF image."),
        "c.txt": (b"", "document.empty: "),
        "d.zip": (zipped({}), "document.empty: "),
    }
    made = mail()
    for name, (content, _) in bad.items():
        made.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    made.add_attachment(b"sig", maintype="application", subtype="pkcs7-signature", filename="s")
    made.add_attachment("last", filename="e.txt")
    read = await read_document(made.as_bytes(), LIMITS, sandbox)
    assert [page.part for page in read.pages] == [None, *bad, "e.txt"]
    assert read.unread_pages == (2, 3, 4, 5)
    for page in read.pages[1:5]:
        assert page.part is not None
        assert page.reason is not None
        assert page.reason.startswith(bad[page.part][1])


async def test_a_body_in_another_character_set_is_decoded(sandbox: Sandbox) -> None:
    """Its module is loaded before the reader is locked in; an unknown one is guessed."""
    head = b"From: a@b.example\nMIME-Version: 1.0\nContent-Type: text/plain; charset=%b\n\n"
    for charset, body in (
        (b"gb18030", "索赔".encode("gb18030")),
        (b"koi8-r", "Ущерб".encode("koi8-r")),
        (b"no-such-set", "Zoë".encode()),
    ):
        text = (await read_document(head % charset + body, LIMITS, sandbox)).text
        assert text.split("\n")[-1] in {"索赔", "Ущерб", "Zoë"}


async def test_an_outlook_message_is_read_as_a_mail_is(sandbox: Sandbox) -> None:
    """With short and long streams, a message in it, and its time."""
    inner = message(subject="Fwd", html=b"<p>inner <b>body</b></p>", top=False,
                    attachments={"x.txt": b"deep"})  # fmt: skip
    data = compound(
        message(
            subject="Claim 4711",
            body="Dear all\r\n" + "word " * 1000,
            sent=SENT,
            attachments={"letter.pdf": paper("one"), "old.msg": inner, "b.gif": b"GIF89a"},
        )
    )
    read = await read_document(data, LIMITS, sandbox)
    first = read.pages[0].text.split("\n")
    assert first[:4] == [
        "From: Zoë Müller <zoe@b.example>",
        "Date: 2025-02-02 20:00:00 UTC",
        "Subject: Claim 4711",
        "Dear all",
    ]
    assert [page.part for page in read.pages] == [
        None,
        "letter.pdf",
        "old.msg",
        "old.msg/x.txt",
        "b.gif",
    ]
    assert read.pages[2].text.endswith("Subject: Fwd\ninner body")
    assert read.unread_pages == (5,)
    assert read.media_type == "application/vnd.ms-outlook"
