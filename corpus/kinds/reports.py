"""Papers of third parties: the police report, and the letter."""

from __future__ import annotations

from corpus.draw import Draw
from corpus.record import Record, maybe


def police_report(draw: Draw) -> Record:
    """Draw a police report of an accident."""
    return Record(
        kind="police_report",
        task="police-report",
        fields={
            "report_number": draw.number("report"),
            "officer_name": draw.person(),
            "incident_date": draw.written(draw.day()),
            "incident_location": draw.place(),
            "driver_one": draw.person(),
            "driver_two": maybe(draw, draw.person(), 0.3),
            "vehicle": draw.joined(draw.words.vehicles),
        },
        extras={"phone": draw.number("phone"), "reference": draw.number("reference")},
        story=draw.story("Collision"),
        letterhead=f"{draw.one(draw.words.cities).split(',')[0]} Police Department",
        more_truth={"document-class": {"kind": "other"}},
    )


def letter(draw: Draw) -> Record:
    """Draw a letter or an e-mail to the claims department."""
    return Record(
        kind="letter",
        task="letter",
        fields={
            "sender_name": draw.person(),
            "claim_number": draw.number("claim"),
            "letter_date": draw.written(draw.day()),
            "demand_amount": maybe(draw, draw.money(10)),
        },
        extras={"phone": draw.number("phone")},
        story=draw.dice.sample(draw.words.letter_matters, 2),
        is_prose=True,
        more_truth={"document-class": {"kind": "other"}},
    )
