"""Single values of JSON data, read and written by their pointer."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.json_schema.edit import PointerError, put_value, value_at


@pytest.mark.parametrize(
    ("pointer", "after"),
    [
        ("/a", {"a": 9, "rows": [{"b": 1}]}),
        ("/new", {"a": 0, "rows": [{"b": 1}], "new": 9}),
        ("/rows/0/b", {"a": 0, "rows": [{"b": 9}]}),
        ("/rows/-", {"a": 0, "rows": [{"b": 1}, 9]}),
        ("/rows/1", {"a": 0, "rows": [{"b": 1}, 9]}),
        ("/a~1b~0c", {"a": 0, "rows": [{"b": 1}], "a/b~c": 9}),
        ("", 9),
    ],
)
def test_a_value_is_put_where_its_pointer_says(pointer: str, after: Any) -> None:
    """Replaced, added to an object, added to an array; and read there."""
    data = {"a": 0, "rows": [{"b": 1}]}
    found = put_value(data, pointer, 9)
    assert found == after
    if not pointer.endswith("-"):
        assert value_at(found, pointer) == 9


@pytest.mark.parametrize("pointer", ["/a/b", "/rows/2", "/rows/x", "/rows/01", "/no/where"])
def test_a_pointer_that_leads_nowhere_is_refused(pointer: str) -> None:
    """Nothing is made up on the way."""
    with pytest.raises(PointerError, match="leads nowhere"):
        put_value({"a": 0, "rows": [{"b": 1}]}, pointer, 9)
