"""Loss runs: tables of claims over many pages, policy by policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.draw import Draw
from corpus.record import Record

_CLOSED = 1
"""The second status of a vocabulary is that of a closed claim."""
_SHORT, _LONG = (3, 12), (24, 60)
"""Rows of a short and of a long loss run."""
_LONG_SHARE = 0.25

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LossRun:
    """Claims of some policies.

    Attributes:
        insured: The policies' holder.
        valued: Date of the figures, as written.
        rows: In document order, as the task `loss-run` is to give them.
    """

    insured: str
    valued: str
    rows: Sequence[Row]

    def policies(self) -> Iterator[tuple[str, list[int]]]:
        """Walk the policies, each with the numbers of its rows."""
        found: dict[str, list[int]] = {}
        for index, row in enumerate(self.rows):
            found.setdefault(row["policy_number"], []).append(index)
        return iter(found.items())


def loss_run(draw: Draw) -> tuple[Record, LossRun]:
    """Draw a loss run; its layouts are its own, so the record comes without a sheet."""
    draw.date_form = draw.one(draw.words.table_dates)
    draw.amount_form = draw.one(draw.words.table_amounts)
    count = draw.dice.randint(*(_LONG if draw.chance(_LONG_SHARE) else _SHORT))
    rows: list[Row] = []
    while len(rows) < count:
        rows += _of_policy(draw, min(draw.dice.randint(2, 9), count - len(rows)))
    run = LossRun(draw.party(), draw.written(draw.day()), rows)
    truth = {"document-class": {"kind": "other"}, "loss-run": {"rows": rows}}
    return Record("loss_run", "loss-run", {}, more_truth=truth), run


def _of_policy(draw: Draw, count: int) -> list[Row]:
    policy = draw.number("policy")
    form, first = draw.number("list_claim"), draw.dice.randint(1000, 9000)
    adjusters = [draw.person() for _ in range(3)]
    return [
        _row(draw, policy, form.format(policy=policy, count=first + number), adjusters)
        for number in range(count)
    ]


def _row(draw: Draw, policy: str, claim: str, adjusters: Sequence[str]) -> Row:
    day = draw.day()
    reported = draw.later(day)
    status = draw.one(draw.words.statuses)
    is_closed = status == draw.words.statuses[_CLOSED]
    return {
        "policy_number": policy,
        "claim_number": claim,
        "claimant": draw.party(),
        "date_of_loss": draw.written(day),
        "date_reported": draw.written(reported),
        "claim_status": status,
        "date_closed": draw.written(draw.later(reported, 200)) if is_closed else None,
        "adjuster": draw.one(adjusters),
        "claim_reserves": draw.amount_form.format(0) if is_closed else draw.money(),
        "claim_paid": draw.money(1, 300),
        "claim_recovered": draw.money(1, 40) if draw.chance(0.2) else draw.amount_form.format(0),
        "description": draw.one(draw.words.line_descriptions) if draw.chance(0.9) else None,
        "driver": draw.person() if draw.chance(0.5) else None,
    }
