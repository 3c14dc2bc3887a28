"""Encoding: lines as token ids, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import torch

from examples.finetune.lines import Line

_POOL = 16
"""Batches whose examples are sorted by length together, so that little is padded."""


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of one line.

    Attributes:
        tokens: Prompt and answer.
        prompt: Number of tokens of the prompt; the loss is on the others alone.
    """

    tokens: Sequence[int]
    prompt: int


def encode(line: Line, tokenizer: Any) -> Example:
    """Return the ids that the engine sees for a line: its chat template, then the answer."""
    prompt = tokenizer.apply_chat_template(
        list(line.messages), add_generation_prompt=True, return_dict=False
    )
    answer = tokenizer(line.answer, add_special_tokens=False)["input_ids"]
    return Example([*prompt, *answer, tokenizer.eos_token_id], len(prompt))


def batches(examples: Sequence[Example], size: int, seed: int) -> Iterator[list[Example]]:
    """Yield batches without end, epoch after epoch; the same ones from the same seed.

    Args:
        examples: All of them; a last batch that is not full is left out.
        size: Examples in a batch.
        seed: Of the order.
    """
    dice = Random(seed)  # noqa: S311  # it keeps no secret
    while True:
        order = list(examples)
        dice.shuffle(order)
        mixed: list[list[Example]] = []
        for start in range(0, len(order), size * _POOL):
            pool = sorted(order[start : start + size * _POOL], key=lambda one: len(one.tokens))
            mixed += [pool[at : at + size] for at in range(0, len(pool) - size + 1, size)]
        dice.shuffle(mixed)
        yield from mixed


def loss(model: Any, batch: Sequence[Example], device: str) -> Any:
    """Return the mean loss of the answers' tokens.

    Args:
        model: A causal model, as peft wraps it.
        batch: Examples of any lengths.
        device: Where the model is.
    """
    longest = max(len(one.tokens) for one in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    wanted = torch.zeros_like(ids, dtype=torch.bool)
    for row, one in enumerate(batch):
        ids[row, : len(one.tokens)] = torch.tensor(one.tokens)
        mask[row, : len(one.tokens)] = 1
        wanted[row, one.prompt - 1 : len(one.tokens) - 1] = True
    ids, mask, wanted = ids.to(device), mask.to(device), wanted.to(device)
    base = model.get_base_model()
    hidden = base.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    # The vocabulary is large: logits are computed only where the loss looks.
    logits = base.lm_head(hidden[wanted]).float()
    return torch.nn.functional.cross_entropy(logits, ids.roll(-1, dims=1)[wanted])
