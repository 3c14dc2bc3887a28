"""The set of digests that a watcher remembers a bucket by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from producer.drops.digest_set import DigestSet

# Few bytes, so that digests share their beginnings and one shows up across two others.
DIGESTS = st.lists(st.sampled_from([0, 1]), min_size=5, max_size=5).map(bytes)


@given(st.lists(st.tuples(st.sampled_from(["add", "look", "clear"]), DIGESTS), max_size=60))
def test_it_holds_what_was_put_in_and_nothing_else(steps: list[tuple[str, bytes]]) -> None:
    """The set behaves like a set of Python, for any neighbours."""
    held, model = DigestSet(5), set[bytes]()
    for step, digest in steps:
        if step == "add":
            held.add(digest)
            model.add(digest)
        elif step == "clear":
            held.clear()
            model.clear()
        assert (digest in held) == (digest in model)
        assert len(held) == len(model)
