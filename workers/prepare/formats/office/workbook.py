"""A workbook's sheets, row by row, from the events of its XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from workers.prepare.formats.format import UnreadableError
from workers.prepare.formats.office.numbers import built_in, shown
from workers.prepare.formats.office.package import OfficePackage

_WORKBOOK = "xl/workbook.xml"
_COLUMNS = 16_384
_LETTERS = 26


class Sheet(NamedTuple):
    """A sheet of a workbook."""

    name: str
    part: str


class Workbook:
    """A workbook whose sheets can be read.

    Args:
        data: The whole file.

    Attributes:
        package: Its parts.
        sheets: Its sheets, hidden ones too.

    Raises:
        UnreadableError: document.corrupt, document.encrypted or document.too_large.
    """

    def __init__(self, data: bytes) -> None:
        self.package = OfficePackage(data)
        self.sheets: list[Sheet] = []
        self._since_1904 = False
        self._formats: list[str] = []
        self._strings: list[str] = []
        relations = self.package.relations(_WORKBOOK)
        self._targets = {key: relation.target for key, relation in relations.items()}
        if not self.package.parse(_WORKBOOK, self._workbook_element, _ignore, _ignore):
            raise UnreadableError("document.corrupt", "The Excel file has no workbook in it.")
        for relation in relations.values():
            if relation.kind == "sharedStrings":
                self._read_strings(relation.target)
            elif relation.kind == "styles":
                self._read_styles(relation.target)

    def rows(self, sheet: Sheet) -> list[list[str]]:
        """Return the rows of a sheet that have something in them, as the sheet shows them."""
        reader = _Rows(self._shown)
        self.package.parse(sheet.part, reader.start, reader.end, reader.text)
        return reader.rows

    def _workbook_element(self, tag: str, values: Mapping[str, str]) -> None:
        if tag == "workbookPr":
            self._since_1904 = values.get("date1904") in {"1", "true"}
        elif tag == "sheet":
            # Charts have sheets of their own, without rows.
            part = self._targets.get(values.get("id", ""), "")
            self.sheets.append(Sheet(values.get("name", ""), part))

    def _read_strings(self, part: str) -> None:
        pieces: list[str] = []
        path: list[str] = []

        def start(tag: str, _: Mapping[str, str]) -> None:
            path.append(tag)

        def end(tag: str) -> None:
            path.pop()
            if tag == "si":
                self._strings.append("".join(pieces))
                pieces.clear()

        def text(words: str) -> None:
            # Phonetic guides repeat the text in another script.
            if path[-1] == "t" and "rPh" not in path:
                pieces.append(words)

        self.package.parse(part, start, end, text)

    def _read_styles(self, part: str) -> None:
        codes: dict[int, str] = {}
        path: list[str] = []

        def start(tag: str, values: Mapping[str, str]) -> None:
            path.append(tag)
            if tag == "numFmt":
                codes[_number(values.get("numFmtId"))] = values.get("formatCode", "")
            elif tag == "xf" and "cellXfs" in path:
                number = _number(values.get("numFmtId"))
                self._formats.append(codes.get(number) or built_in(number))

        def end(_: str) -> None:
            path.pop()

        self.package.parse(part, start, end, _ignore)

    def _shown(self, kind: str, style: int, value: str) -> str:
        if kind == "s":
            index = _number(value)
            if not 0 <= index < len(self._strings):
                raise UnreadableError(
                    "document.corrupt", "A cell of the workbook refers to a text that is not there."
                )
            return self._strings[index]
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind == "n":
            code = self._formats[style] if 0 <= style < len(self._formats) else ""
            return shown(value, code, since_1904=self._since_1904)
        return value


class _Rows:
    """Rows of a sheet, as its elements come."""

    def __init__(self, shown: Callable[[str, int, str], str]) -> None:
        self.rows: list[list[str]] = []
        self._shown = shown
        self._row: list[str] = []
        self._path: list[str] = []
        self._column = 0
        self._kind, self._style = "n", 0
        self._pieces: list[str] = []

    def start(self, tag: str, values: Mapping[str, str]) -> None:
        self._path.append(tag)
        if tag == "row":
            self._row = []
        elif tag == "c":
            self._column = _column(values.get("r", "")) or len(self._row) + 1
            self._kind = values.get("t", "n")
            self._style = _number(values.get("s"))
            self._pieces = []

    def end(self, tag: str) -> None:
        self._path.pop()
        if tag == "c" and self._pieces:
            self._row += [""] * (self._column - 1 - len(self._row))
            self._row.append(self._shown(self._kind, self._style, "".join(self._pieces)))
        elif tag == "row" and any(self._row):
            self.rows.append(self._row)

    def text(self, words: str) -> None:
        # `v` is a value, `t` the text of one that stands in the sheet itself; `f` is a formula.
        if self._path[-1] in {"v", "t"} and "rPh" not in self._path:
            self._pieces.append(words)


def _column(reference: str) -> int:
    """Return the number of a cell's column, from 1; 0 if the cell does not say."""
    number = 0
    for letter in reference:
        if not "A" <= letter <= "Z":
            break
        number = number * _LETTERS + ord(letter) - ord("A") + 1
        if number > _COLUMNS:
            raise UnreadableError("document.corrupt", "A cell stands right of the last column.")
    return number


def _number(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return -1


def _ignore(*_: object) -> None:
    """Take no notice."""
