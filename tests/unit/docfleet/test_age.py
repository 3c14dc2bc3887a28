"""Ages, as they are typed and as they are read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from docfleet.commands.texts.age import age_text, parse_age


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604_800)]
)
def test_an_age_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    """Seconds, minutes, hours or days."""
    assert parse_age(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2", "h", "2w", "-2h", "1.5h", "2 h", "2h30m", "99999d"])
def test_what_is_no_age_is_an_error(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"no age|hundred years"):
        parse_age(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0.4, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"),
     (172_799, "47h"), (172_800, "2d"), (8_640_000, "100d")],
)  # fmt: skip
def test_an_age_is_read_in_the_largest_unit_that_is_not_too_coarse(
    seconds: float, text: str
) -> None:
    """At least two of the unit; a clock that is ahead makes no negative age."""
    assert age_text(timedelta(seconds=seconds)) == text
