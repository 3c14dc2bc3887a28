"""A good file of each format, to be damaged."""

from __future__ import annotations

import json

from tests.fixtures.documents.office import cell, docx, paragraph, sheet, word_table, xlsx, zipped
from tests.fixtures.documents.outlook import compound, message
from tests.fixtures.documents.pages import encoded, paper, scan
from tests.fixtures.documents.pdfs import printed

_MAIL = (
    b"From: Anna <a@b.example>\r\nTo: c@d.example\r\nSubject: =?utf-8?q?Zo=C3=AB?=\r\n"
    b"Date: Mon, 3 Feb 2025 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
    b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Claim <b>4711</b></p>\r\n--b\r\n"
    b'Content-Type: text/csv; name="a.csv"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    b"YTtiCjE7Mgo1OzYK\r\n--b--\r\n"
)
_PAGE = (
    b"<!DOCTYPE html><html><body><h1>Claim</h1><table><tr><td>a<td>b<tr><td>1<td>2</table>"
    b'<input value="HO-3"><p style="display:none">x</p>Zo\xc3\xab</body></html>'
)


def specimens() -> dict[str, bytes]:
    """Return the files by the names of their formats."""
    image = scan("Claim 4711", size=(400, 240), points=24)
    turns = [{"speaker": name, "text": "Hail broke it", "start": 1.5} for name in "AB" * 5]
    table = word_table(("Date", "Paid"), ("2025-02-03", "1,234.56"))
    rows = [cell(f"A{n}", f"{n}.5", "n", 1) + cell(f"B{n}", "Hail", "inlineStr") for n in (1, 2)]
    files = {
        "pdf": printed("Claim 4711", "Hail broke two skylights"),
        "pdf with a scan": paper("Claim 4711", image),
        "docx": docx(paragraph("Claim 4711") + table),
        "xlsx": xlsx({"Losses": sheet(*rows)}, strings=("<si><t>a</t></si>",), formats=("0.00",)),
        "csv": b"Claim;Cause;Paid\n" + b'4711;"Hail, ""bad""";1.234,56\n' * 9,
        "html": _PAGE,
        "eml": _MAIL,
        "msg": compound(message(subject="Claim", body="Dear all", attachments={"a.txt": b"x"})),
        "json": json.dumps({"call": "7", "turns": turns}).encode(),
        "tiff": encoded(image, "TIFF", save_all=True, append_images=[image]),
        "jpeg": encoded(image, "JPEG"),
        "png": encoded(image),
        "text": "Claim 4711\nInsured: Zoë Müller\f\nsecond page".encode(),
    }
    return {**files, "zip": zipped({"a/m.eml": files["eml"], "b.docx": files["docx"]})}
