"""Train a LoRA adapter for one task.

    python -m examples.finetune.train lines/fnol.jsonl.gz --out adapters/fnol

The same command after an interruption goes on at the last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import AutoModelForCausalLM, AutoTokenizer

from corpus.part import Part
from examples.finetune.curves import Row, read_curves, write_curves
from examples.finetune.encoding import Example, batches, encode, loss
from examples.finetune.lines import LineError, read_lines
from examples.finetune.models import BASE, unpacked_base
from workers.engine.vllm.processor import cpu_dtype, read_flags
from workers.errors import StageError
from workers.models.adapter import verify_adapter

_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj")
_WARM_UP_SHARE = 0.05
_CLIP = 1.0
_MOST_BYTES = 4_000_000


@dataclass(slots=True)
class Run:
    """A training that is under way.

    Attributes:
        model: The base with the adapter.
        optimizer: Of the adapter's weights.
        step: Steps that are done.
        tokens: Tokens of the examples of these steps.
        seconds: Seconds that they took, over all starts.
        rows: Measurements.
    """

    model: Any
    optimizer: torch.optim.Optimizer
    step: int
    tokens: int
    seconds: float
    rows: list[Row]


def main(arguments: argparse.Namespace) -> None:
    """Train, and leave an adapter that docfleet takes, or say what is wrong."""
    lines = read_lines(arguments.lines)
    if any(line.part == Part.TEST for line in lines):
        raise LineError("there are lines of the corpus's test part: nothing is trained on them")
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    encoded = [encode(line, tokenizer) for line in lines]
    examples = [one for one in encoded if len(one.tokens) <= arguments.max_tokens]
    held = arguments.validation
    print(
        f"{lines[0].task}: {len(examples) - held} examples, {held} more to validate;"
        f" {len(encoded) - len(examples)} are longer than {arguments.max_tokens} tokens",
        flush=True,
    )
    if len(examples) - held < arguments.batch:
        raise LineError(f"one batch has {arguments.batch} examples: bring more lines")
    arguments.out.mkdir(parents=True, exist_ok=True)
    run = _start(arguments)
    _train(run, examples[held:], examples[:held], arguments)
    _save(run, lines[0].task, arguments)


def _start(arguments: argparse.Namespace) -> Run:
    """Load the base, and the last checkpoint where there is one."""
    torch.manual_seed(arguments.seed)
    dtype = getattr(torch, arguments.dtype)
    base = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=dtype)
    config = LoraConfig(
        r=arguments.rank,
        lora_alpha=2 * arguments.rank,
        lora_dropout=0.0,  # each example comes once or twice
        target_modules=list(_MODULES),
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(base, config).to(arguments.device)
    model.peft_config["default"].base_model_name_or_path = BASE
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=arguments.learning_rate, weight_decay=0.01)
    run = Run(model, optimizer, 0, 0, 0.0, [])
    checkpoint = arguments.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=arguments.device, weights_only=True)
        set_peft_model_state_dict(model, state["adapter"])
        optimizer.load_state_dict(state["optimizer"])
        run.step, run.tokens, run.seconds = state["step"], state["tokens"], state["seconds"]
        rows = read_curves(arguments.out / "curves.csv")
        run.rows = [row for row in rows if row["step"] <= run.step]
        print(f"going on after step {run.step}", flush=True)
    return run


def _train(
    run: Run,
    examples: Sequence[Example],
    validation: Sequence[Example],
    arguments: argparse.Namespace,
) -> None:
    todo: Iterator[list[Example]] = islice(
        batches(examples, arguments.batch, arguments.seed), run.step, arguments.steps
    )
    before, began = run.seconds, time.monotonic()
    losses: list[torch.Tensor] = []
    for batch in todo:
        rate = arguments.learning_rate * _schedule(run.step, arguments.steps)
        for group in run.optimizer.param_groups:
            group["lr"] = rate
        found = loss(run.model, batch, arguments.device)
        run.optimizer.zero_grad()
        found.backward()
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), _CLIP)
        run.optimizer.step()
        losses.append(found.detach())
        run.step += 1
        run.tokens += sum(len(one.tokens) for one in batch)
        run.seconds = before + time.monotonic() - began
        if run.step % arguments.measure_every == 0 or run.step == arguments.steps:
            _measure(run, losses, validation, rate, arguments)
            losses = []


def _schedule(step: int, steps: int) -> float:
    """Return the share of the learning rate: a short rise, then half a cosine."""
    warm = max(1, round(steps * _WARM_UP_SHARE))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _measure(
    run: Run,
    losses: Sequence[torch.Tensor],
    validation: Sequence[Example],
    rate: float,
    arguments: argparse.Namespace,
) -> None:
    """Write a row of the curves, and the checkpoint."""
    size = arguments.batch
    with torch.no_grad():
        held = [
            float(loss(run.model, validation[at : at + size], arguments.device))
            for at in range(0, len(validation), size)
        ]
    row = {
        "step": run.step,
        "tokens": run.tokens,
        "seconds": round(run.seconds, 1),
        "learning_rate": rate,
        "training_loss": float(torch.stack(list(losses)).mean()),
        "validation_loss": sum(held) / len(held),
    }
    run.rows.append(row)
    print(json.dumps(row), flush=True)
    write_curves(run.rows, arguments.out / "curves.csv", arguments.out / "curves.png")
    state = {
        "adapter": get_peft_model_state_dict(run.model, save_embedding_layers=False),
        "optimizer": run.optimizer.state_dict(),
        "step": run.step,
        "tokens": run.tokens,
        "seconds": run.seconds,
    }
    fresh = arguments.out / "checkpoint.pt.new"
    torch.save(state, fresh)
    fresh.replace(arguments.out / "checkpoint.pt")


def _save(run: Run, task: str, arguments: argparse.Namespace) -> None:
    """Write the adapter as docfleet and peft read it, and check it as a worker does."""
    for weight in run.model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.half()
    run.model.save_pretrained(arguments.out, safe_serialization=True, save_embedding_layers=False)
    (arguments.out / "README.md").unlink()  # peft's model card has nothing but headings
    verify_adapter(arguments.out, Path(arguments.model), arguments.rank)
    size = (arguments.out / "adapter_model.safetensors").stat().st_size
    if size > _MOST_BYTES:
        raise LineError(f"the adapter has {size:,} bytes: choose a --rank under {arguments.rank}")
    told = {
        "task": task,
        "base": BASE,
        "seed": arguments.seed,
        "steps": run.step,
        "tokens": run.tokens,
        "seconds": round(run.seconds),
        "batch": arguments.batch,
        "learning_rate": arguments.learning_rate,
        "device": arguments.device,
        "dtype": arguments.dtype,
        "bytes": size,
    }
    (arguments.out / "training.json").write_text(json.dumps(told, indent=2) + "\n")
    print(f"{arguments.out}: {size:,} bytes, and a worker takes it")


def _arguments() -> argparse.Namespace:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = "bfloat16" if device == "cuda" else cpu_dtype(read_flags())
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m examples.finetune.train",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lines", type=Path, nargs="+", help="of write_lines.py, or of reviews")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--model", type=Path, default=unpacked_base(), help="directory of the base model"
    )
    parser.add_argument("--seed", type=int, default=20_260_101)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=16, help="examples of a step")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--max-tokens", type=int, default=700, help="of prompt and answer")
    parser.add_argument("--validation", type=int, default=32, help="examples that are kept out")
    parser.add_argument("--measure-every", type=int, default=50, help="steps; and a checkpoint")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--device", default=device)
    parser.add_argument("--dtype", default=dtype, choices=("float32", "bfloat16"))
    given = parser.parse_args()
    if given.model is None:
        parser.error("there is no unpacked base yet: run `docfleet up` once, or name it (--model)")
    if given.threads:
        torch.set_num_threads(given.threads)
    return given


if __name__ == "__main__":
    try:
        main(_arguments())
    except (LineError, StageError) as error:
        sys.exit(f"train: {error}")
