"""Confidence: the probability of the tokens that spell a value, and of no others."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engine.protocol import TokenChoice
from workers.infer.confidence import calibrated, value_confidence
from workers.infer.grounding.leaves import leaves

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


def _tokens(*tokens: tuple[str, float]) -> list[TokenChoice]:
    return [TokenChoice(text, math.log(share)) for text, share in tokens]


def test_a_value_is_as_likely_as_its_tokens_together() -> None:
    """Tokens of names and brackets do not count."""
    tokens = _tokens(
        ('{"', 0.1), ("paid", 0.2), ('":"', 1), ("12", 0.5), (".50", 0.5), ('","', 1),
        ("by", 1), ('":', 1), ("null", 0.8), ("}", 0.1),
    )  # fmt: skip
    text = "".join(token.text for token in tokens)
    assert value_confidence(text, tokens) == {"/paid": 0.25, "/by": 0.8}


def test_a_token_that_spans_two_values_counts_for_both() -> None:
    """The token decides both values."""
    tokens = _tokens(("[1", 1), ("2,3", 0.5), ("4]", 1))
    assert value_confidence("[12,34]", tokens) == {"/0": 0.5, "/1": 0.5}


def test_parts_of_a_character_count_where_it_stands() -> None:
    """A token may hold one byte of several."""
    tokens = _tokens(('["', 1), ("", 0.5), ("Ł", 0.5), ('"]', 1))
    assert value_confidence('["Ł"]', tokens)["/0"] == pytest.approx(0.25)


def test_an_answer_without_tokens_has_no_confidence() -> None:
    """Nothing is made up."""
    assert value_confidence('{"a": 1}', []) == {}


@given(data=VALUES, indent=st.none() | st.integers(0, 2))
def test_each_leaf_has_a_confidence(data: Any, indent: int | None) -> None:
    """Whatever the answer looks like."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    found = value_confidence(text, [TokenChoice(text, math.log(0.5))])
    assert set(found) >= {leaf.pointer for leaf in leaves(data)}
    assert set(found.values()) <= {0.5}


@pytest.mark.parametrize(
    ("confidence", "share"),
    [(0.0, 0.1), (0.2, 0.1), (0.4, 0.3), (0.6, 0.5), (0.8, 0.7), (1.0, 0.7)],
)
def test_a_curve_makes_confidence_a_share_of_right_values(confidence: float, share: float) -> None:
    """Straight between its points, and level beyond them."""
    curve = ((0.2, 0.1), (0.6, 0.5), (0.8, 0.7))
    assert calibrated(confidence, curve) == pytest.approx(share)
    assert calibrated(confidence, ()) == confidence
