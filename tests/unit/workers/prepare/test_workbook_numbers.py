"""Numbers of a workbook, as its cells show them."""

from __future__ import annotations

import pytest

from workers.prepare.formats.office.numbers import built_in, shown


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("1234.5", "", "1234.5"),
        ("0.30000000000000004", "General", "0.3"),
        ("12345678901", "0", "12345678901"),
        ("1234.5", "#,##0.00", "1,234.50"),
        ("-1234.5", '"$"#,##0.00_);[Red]("$"#,##0.00)', "-1,234.50"),
        ("601", "00000", "00601"),
        ("0.125", "0.0%", "12.5%"),
        ("45336", "m/d/yyyy", "2024-02-14"),
        ("45336.5", "dd.mm.yy hh:mm", "2024-02-14 12:00:00"),
        ("0.75", "h:mm AM/PM", "18:00:00"),
        ("1.5", "[h]:mm", "36:00:00"),
        ("59", "yyyy-mm-dd", "1900-02-28"),
        ("61", "yyyy-mm-dd", "1900-03-01"),
        ("1e300", "yyyy-mm-dd", "1e+300"),
        ("-5", "yyyy-mm-dd", "-5"),
        ("5", "@", "5"),
        ("1.5", "# ?/?", "1.5"),
        ("words", "0.00", "words"),
    ],
)
def test_a_number_is_written_as_its_cell_shows_it(value: str, code: str, text: str) -> None:
    """Dates as ISO; what has no plain form as it is stored."""
    assert shown(value, code, since_1904=False) == text


def test_days_are_counted_from_1904_where_the_workbook_says_so() -> None:
    """Workbooks of old Macs do."""
    assert shown("43874", built_in(14), since_1904=True) == "2024-02-14"
