"""Notices of losses, in a half's layouts, each with what the task `fnol` must find in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any

from bench.notices import held_out, training
from bench.notices.loss import Loss, draw_loss

SEED = 20_260_101


class Half(Enum):
    """What notices are for."""

    TRAINING = (training.VOCABULARY, training.LAYOUTS)
    """To write prompts on."""
    TEST = (held_out.VOCABULARY, held_out.LAYOUTS)
    """To score them."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A document and its truth.

    Attributes:
        name: Its layout and its number.
        text: What stands on it.
        truth: By field of the task; None where the notice is silent.
    """

    name: str
    text: str
    truth: Mapping[str, Any]


def make_notices(half: Half, count: int, seed: int = SEED) -> list[Notice]:
    """Make notices: the same ones from the same seed, the layouts in turn.

    Args:
        half: Whose layouts and words.
        count: How many.
        seed: Of the dice.
    """
    vocabulary, layouts = half.value
    dice = Random(f"{seed}-{half.name}")  # noqa: S311  # it keeps no secret
    notices = []
    for number in range(count):
        loss, layout = draw_loss(dice, vocabulary), layouts[number % len(layouts)]
        name = f"{layout.__name__.strip('_')}-{number + 1}"
        notices.append(Notice(name, layout(loss), _truth(loss)))
    return notices


def _truth(loss: Loss) -> dict[str, Any]:
    return {
        "insured_name": loss.insured,
        "policy_number": loss.policy,
        "claim_number": loss.claim,
        "date_of_loss": loss.day.isoformat(),
        "loss_location": loss.place,
        "cause_of_loss": loss.cause,
        "injuries": None if loss.injured is None else "Yes" if loss.injured else "No",
        "estimated_loss": loss.dollars,
        "police_report_number": loss.report,
    }
