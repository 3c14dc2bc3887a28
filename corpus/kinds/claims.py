"""Documents of a claim in its first days: the notice of loss, and the adjuster's note."""

from __future__ import annotations

from corpus.draw import Draw
from corpus.record import Record, maybe

_PROSE_SHARE = 0.4


def loss_notice(draw: Draw) -> Record:
    """Draw a first notice of loss."""
    cause = draw.one(sorted(draw.words.stories))
    day = draw.day()
    return Record(
        kind="fnol",
        task="fnol",
        fields={
            "insured_name": draw.party(),
            "policy_number": draw.number("policy"),
            "claim_number": maybe(draw, draw.number("claim")),
            "date_of_loss": draw.written(day),
            "loss_location": draw.place(),
            "cause_of_loss": cause,
            "injuries": maybe(draw, draw.one(("Yes", "No"))),
            "estimated_loss": maybe(draw, draw.money(4)),
            "police_report_number": maybe(draw, draw.number("report")),
        },
        extras={
            "reference": draw.number("reference"),
            "report_date": draw.written(draw.later(day, 9)),
            "agent_name": draw.person(),
            "phone": draw.number("phone"),
        },
        story=draw.story(cause),
        is_prose=draw.chance(_PROSE_SHARE),
        more_truth={"document-class": {"kind": "fnol"}},
    )


def claim_note(draw: Draw) -> Record:
    """Draw an adjuster's note in a claim file."""
    return Record(
        kind="claim_note",
        task="claim-note",
        fields={
            "adjuster_name": draw.person(),
            "claim_number": draw.number("claim"),
            "insured_name": maybe(draw, draw.party(), 0.2),
            "inspection_date": draw.written(draw.day()),
            "reserve_amount": maybe(draw, draw.money(10)),
        },
        extras={"reference": draw.number("reference")},
        story=[
            draw.story(draw.one(sorted(draw.words.stories)))[0],
            *draw.dice.sample(draw.words.note_matters, 2),
        ],
        is_prose=draw.chance(1 - _PROSE_SHARE),
        more_truth={"document-class": {"kind": "claim_note"}},
    )
