"""Draws: names, places, numbers, dates and amounts, written in one document's own style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from string import ascii_uppercase, digits
from typing import TypeVar

from corpus.part import Vocabulary

T = TypeVar("T")

_FIRST_DAY = date(2024, 1, 8)
_DAYS = 600
_CENTS_SHARE = 0.5
_COMPANY_SHARE = 0.35


@dataclass(slots=True)
class Draw:
    """Dice and a vocabulary, for one document.

    Attributes:
        words: The vocabulary of the document's part.
        dice: Decides.
        date_form: How the document writes dates.
        amount_form: How the document writes money.
    """

    words: Vocabulary
    dice: Random
    date_form: str = field(init=False)
    amount_form: str = field(init=False)

    def __post_init__(self) -> None:
        self.date_form = self.one(self.words.dates)
        self.amount_form = self.one(self.words.amounts)

    def one(self, options: Sequence[T]) -> T:
        """Draw one of several."""
        return self.dice.choice(options)

    def chance(self, share: float) -> bool:
        """Tell whether something happens that happens in this share of cases."""
        return self.dice.random() < share

    def joined(self, columns: Sequence[Sequence[str]]) -> str:
        """Draw one word of each column, separated by spaces."""
        return " ".join(self.one(column) for column in columns)

    def person(self) -> str:
        """Draw a person's name."""
        return f"{self.one(self.words.first_names)} {self.one(self.words.last_names)}"

    def party(self) -> str:
        """Draw a person or a company."""
        if self.chance(_COMPANY_SHARE):
            return self.joined(self.words.companies)
        return self.person()

    def place(self) -> str:
        """Draw an address or a place on a road."""
        spot = self.one(self.words.spots)
        while "{street}" in spot:
            street = f"{self.dice.randint(12, 9800)} {self.one(self.words.streets)}"
            spot = spot.replace("{street}", street, 1)
        return spot.replace("{city}", self.one(self.words.cities))

    def day(self) -> date:
        """Draw a day."""
        return _FIRST_DAY + timedelta(days=self.dice.randrange(_DAYS))

    def later(self, day: date, most: int = 40) -> date:
        """Draw a day after another."""
        return day + timedelta(days=self.dice.randint(1, most))

    def written(self, day: date) -> str:
        """Write a day as this document does."""
        return self.date_form.format(day)

    def money(self, least: int = 2, most: int = 900) -> str:
        """Draw an amount between so many fifties of dollars, and write it."""
        amount = self.dice.randint(least, most) * 50.0
        if self.chance(_CENTS_SHARE) and ".0f" not in self.amount_form:
            amount += self.dice.randint(1, 4999) / 100
        return self.amount_form.format(amount)

    def number(self, form: str) -> str:
        """Draw a number of a form of the vocabulary, such as `policy`."""
        return self.filled(self.one(self.words.forms[form]))

    def filled(self, form: str) -> str:
        """Put letters and digits into a form."""
        signs = {"A": ascii_uppercase, "9": digits}
        return "".join(self.one(signs.get(sign, sign)) for sign in form)

    def story(self, cause: str) -> list[str]:
        """Draw what happened, in two sentences."""
        told = self.one(self.words.stories[cause]).replace("{room}", self.one(self.words.rooms))
        return [told, self.one(self.words.after_stories)]

    def label(self, field_name: str) -> str:
        """Draw a label for a field."""
        return self.one(self.words.labels[field_name])

    def sentence(self, field_name: str, value: str) -> str:
        """Tell a value in a sentence."""
        if field_name in self.words.sentences:
            return self.one(self.words.sentences[field_name]).format(value)
        told = self.one(self.words.other_sentences)
        return told.format(label=self.label(field_name), value=value)
