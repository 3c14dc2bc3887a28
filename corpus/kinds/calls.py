"""Call transcripts: an agent and a caller, kind or cold."""

from __future__ import annotations

from corpus.draw import Draw
from corpus.record import Record
from corpus.sheet import Heading, Paragraph, Sheet

_SCORES = {"kind": {"from": 6, "to": 10}, "cold": {"from": 0, "to": 4}}
"""The empathy that a careful listener would give, of 10."""


def call_transcript(draw: Draw) -> Record:
    """Draw a telephone call to the claims line."""
    manner = draw.one(sorted(_SCORES))
    fields = {"policy_number": draw.number("policy"), "caller_name": draw.person()}
    told = {
        "agent": draw.one(draw.words.first_names),
        "caller": fields["caller_name"],
        "policy": fields["policy_number"],
        "story": draw.story(draw.one(sorted(draw.words.stories)))[0],
    }
    turns = [(who, said.format(**told)) for who, said in draw.words.calls[manner]]
    blocks = [
        Paragraph(f"{who}: {said}", [f"/{name}" for name, value in fields.items() if value in said])
        for who, said in turns
    ]
    return Record(
        kind="call_transcript",
        task="call",
        fields=fields,
        sheet=Sheet([Heading(draw.one(draw.words.titles["call_transcript"])), *blocks]),
        more_truth={
            "call-score": {"score": _SCORES[manner]},
            "document-class": {"kind": "call_transcript"},
        },
    )
