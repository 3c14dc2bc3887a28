"""Pseudonyms: the same each time, and nothing to be learnt from them."""

from __future__ import annotations

from producer.access.pseudonyms import Pseudonyms


def test_a_tenant_has_one_pseudonym_that_only_the_secret_gives() -> None:
    """Dashboards can use the pseudonym; nobody can test guessed names against it."""
    one, again, other = Pseudonyms("s"), Pseudonyms("s"), Pseudonyms("t")
    assert one.of_tenant("acme") == again.of_tenant("acme") != other.of_tenant("acme")
    assert "acme" not in one.of_tenant("acme")
    assert one.of_tenant("acme") != one.of_tenant("globex")
    assert one.of_lane("acme~low") == f"{one.of_tenant('acme')}~low"
    assert one.of_lane("default") == "default"
