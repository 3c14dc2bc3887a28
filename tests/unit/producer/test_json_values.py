"""Counting the values of JSON text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.http.limits.json_values import has_more_values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


def _values(node: Any) -> int:
    if not isinstance(node, list | dict):
        return 1
    inside = node if isinstance(node, list) else list(node.values())
    return 1 + (sum(map(_values, inside)) or 1)


@given(JSON, st.booleans())
def test_what_has_no_more_values_than_allowed_is_never_refused(
    value: Any,
    ensure_ascii: bool,  # noqa: FBT001  # drawn
) -> None:
    """Quotes, commas and brackets inside of strings do not count, however they are escaped."""
    body = json.dumps(value, ensure_ascii=ensure_ascii).encode()
    assert not has_more_values(body, _values(value))


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b",".join([b"0"] * 1001) + b"]",
        b"[" + b",".join([b'""'] * 1001) + b"]",
        b"[" * 1001,
        b"{" + b",".join(b'"%d":0' % number for number in range(1001)) + b"}",
        b'"' * 10_000,
        b'["\\\\"' + b",0" * 1001,
    ],
)
def test_what_has_more_values_than_allowed_is_found(body: bytes) -> None:
    """This holds for JSON and for other text."""
    assert has_more_values(body, 1000)


def test_a_long_text_is_one_value() -> None:
    """A document in a request may hold any number of commas and quotes."""
    body = json.dumps({"document": {"text": 'He said: "[{,"\\' * 100_000}}).encode()
    assert not has_more_values(body, 10)
