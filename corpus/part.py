"""Parts of the corpus: what each is for, and its vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

_WORDS = Path(__file__).parent / "words"


class Part(StrEnum):
    """Purpose of a document."""

    TRAIN = "train"
    """To write prompts on and to train adapters with."""
    TEST = "test"
    """To score them."""


Texts = tuple[str, ...]


class Vocabulary(BaseModel):
    """The words of one part; `words/*.yaml` says more beside each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_names: Texts
    last_names: Texts
    companies: tuple[Texts, ...]
    providers: tuple[Texts, ...]
    carriers: tuple[Texts, ...]
    streets: Texts
    cities: Texts
    spots: Texts
    vehicles: tuple[Texts, ...]
    dates: Texts
    table_dates: Texts
    amounts: Texts
    table_amounts: Texts
    forms: Mapping[str, Texts]
    titles: Mapping[str, Texts]
    labels: Mapping[str, Texts]
    sentences: Mapping[str, Texts]
    other_sentences: Texts
    openings: Texts
    closings: Texts
    letter_matters: Texts
    note_matters: Texts
    stories: Mapping[str, Texts]
    rooms: Texts
    after_stories: Texts
    services: Texts
    coverages: Texts
    repairs: Texts
    statuses: Texts
    line_descriptions: Texts
    calls: Mapping[str, tuple[tuple[str, str], ...]]


@cache
def vocabulary(part: Part) -> Vocabulary:
    """Return the vocabulary of a part."""
    text = (_WORDS / f"{part}.yaml").read_text(encoding="utf-8")
    return Vocabulary.model_validate(yaml.safe_load(text))
