"""Policies: the declarations page."""

from __future__ import annotations

from datetime import timedelta

from corpus.draw import Draw
from corpus.record import Grid, Record

_TERM = timedelta(days=365)


def policy(draw: Draw) -> Record:
    """Draw the declarations of a policy, with its coverages."""
    begins = draw.day()
    count = draw.dice.randint(2, len(draw.words.coverages))
    coverages = draw.dice.sample(draw.words.coverages, count)
    return Record(
        kind="policy",
        task="policy-declarations",
        fields={
            "named_insured": draw.party(),
            "policy_number": draw.number("policy"),
            "effective_date": draw.written(begins),
            "expiration_date": draw.written(begins + _TERM),
            "total_premium": draw.money(8, 200),
            "deductible": draw.amount_form.format(draw.one((250, 500, 1000, 2500, 5000))),
        },
        extras={"agent_name": draw.person(), "phone": draw.number("phone")},
        grid=Grid(
            ("Coverage", "Limit", "Premium"),
            [(name, draw.money(200, 9000), draw.money(1, 20)) for name in coverages],
        ),
        more_truth={"document-class": {"kind": "policy"}},
    )
