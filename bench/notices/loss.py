"""A loss: what happened to whom, and what a notice may leave out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from string import ascii_uppercase, digits

_FIRST_DAY = date(2024, 1, 8)
_DAYS = 600
_SILENT = 0.4
"""How often a notice does not say what it need not say."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What one half of the notices is drawn from.

    Attributes:
        insureds: Those who suffer losses.
        others: Agents, adjusters and callers, who do not.
        carriers: Insurance companies.
        places: Where losses happen.
        causes: What happened, in a sentence, by the cause as the task names it.
        policy_forms: Forms of numbers: `A` is any letter, `9` any digit, the rest stands as it is.
        claim_forms: As policy_forms.
        report_forms: As policy_forms, of police and fire reports.
        phone_form: As policy_forms.
    """

    insureds: Sequence[str]
    others: Sequence[str]
    carriers: Sequence[str]
    places: Sequence[str]
    causes: Sequence[tuple[str, str]]
    policy_forms: Sequence[str]
    claim_forms: Sequence[str]
    report_forms: Sequence[str]
    phone_form: str


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss, and what else stands on its notice.

    Attributes:
        insured: Who suffered it.
        policy: The policy's number.
        claim: The claim's number, or None where the notice gives none.
        day: When it happened.
        reported: When it was told.
        place: Where it happened.
        cause: As the task names it.
        story: What happened, in a sentence.
        injured: Whether anybody was, or None where the notice does not say.
        dollars: The estimate, or None.
        report: The number of the police or fire report, or None.
        carrier: Who insures.
        agent: Somebody else.
        phone: A number that is none of the others.
        reference: A number that means nothing to the task.
    """

    insured: str
    policy: str
    claim: str | None
    day: date
    reported: date
    place: str
    cause: str
    story: str
    injured: bool | None
    dollars: int | None
    report: str | None
    carrier: str
    agent: str
    phone: str
    reference: str


def draw_loss(dice: Random, words: Vocabulary) -> Loss:
    """Draw a loss.

    Args:
        dice: Decides.
        words: What to draw from.
    """
    cause, story = dice.choice(words.causes)
    day = _FIRST_DAY + timedelta(days=dice.randrange(_DAYS))
    return Loss(
        insured=dice.choice(words.insureds),
        policy=_number(dice, dice.choice(words.policy_forms)),
        claim=None if _silent(dice) else _number(dice, dice.choice(words.claim_forms)),
        day=day,
        reported=day + timedelta(days=dice.randint(1, 9)),
        place=dice.choice(words.places),
        cause=cause,
        story=story,
        injured=None if _silent(dice) else dice.random() < 0.5,  # noqa: PLR2004  # a coin
        dollars=None if _silent(dice) else dice.randint(4, 900) * 50,
        report=None if _silent(dice) else _number(dice, dice.choice(words.report_forms)),
        carrier=dice.choice(words.carriers),
        agent=dice.choice(words.others),
        phone=_number(dice, words.phone_form),
        reference=str(dice.randint(1000, 9999)),
    )


def _silent(dice: Random) -> bool:
    return dice.random() < _SILENT


def _number(dice: Random, form: str) -> str:
    choices = {"A": ascii_uppercase, "9": digits}
    return "".join(dice.choice(choices.get(sign, sign)) for sign in form)
