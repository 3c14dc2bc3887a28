"""Answer the lines of a task, base and adapters alike, each held to the task's schema.

    python -m examples.finetune.answers tasks/fnol.yaml lines/fnol-test.jsonl.gz \
        --adapter adapters/fnol --out answers/fnol.jsonl

Transformers generates, and xgrammar guides it with the grammar that docfleet's engine has; no
fleet is needed. score.py holds the answers against the truth.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import xgrammar
import yaml
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from xgrammar.contrib.hf import LogitsProcessor

from examples.finetune.lines import Line, read_lines
from workers.engine.vllm.guide import compiled

_BASE = "base"


def answer_all(
    model: Any, tokenizer: Any, grammar: Any, lines: Sequence[Line], *, batch: int, tokens: int
) -> list[str]:
    """Return the most likely answer to each line.

    Args:
        model: Answers.
        tokenizer: Of the model; it pads on the left.
        grammar: Of the answers.
        lines: To answer.
        batch: Lines that are answered at once.
        tokens: Maximum tokens of an answer.
    """
    found: list[str] = []
    for start in range(0, len(lines), batch):
        prompts = tokenizer.apply_chat_template(
            [list(line.messages) for line in lines[start : start + batch]],
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
            padding=True,
        ).to(model.device)
        with torch.inference_mode():
            made = model.generate(
                **prompts,
                max_new_tokens=tokens,
                do_sample=False,
                logits_processor=[LogitsProcessor(grammar)],
            )
        found += tokenizer.batch_decode(
            made[:, prompts["input_ids"].shape[1] :], skip_special_tokens=True
        )
    return found


def main(arguments: argparse.Namespace) -> None:
    """Answer with the base, then with each adapter; write a line for each answer."""
    task = yaml.safe_load(arguments.task.read_text(encoding="utf-8"))
    lines = read_lines([arguments.lines])
    tokenizer = AutoTokenizer.from_pretrained(arguments.model, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=arguments.dtype)
    model = model.to(arguments.device)
    known = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=model.config.vocab_size)
    schema = json.dumps(task["output_schema"])
    grammar = compiled(xgrammar, xgrammar.GrammarCompiler(known), schema)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", encoding="utf-8") as file:
        for adapter in ([] if arguments.without_base else [None]) + arguments.adapter:
            name = adapter.name if adapter else _BASE
            began = time.monotonic()
            asked = PeftModel.from_pretrained(model, str(adapter)) if adapter else model
            given = answer_all(
                asked, tokenizer, grammar, lines,
                batch=arguments.batch, tokens=task["limits"]["max_output_tokens"],
            )  # fmt: skip
            for line, text in zip(lines, given, strict=True):
                told = {"by": name, "name": line.name, "truth": line.truth, "answer": text}
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
            if adapter:
                model = asked.unload()
            print(f"{name}: {len(lines)} answers in {time.monotonic() - began:.0f} s", flush=True)


def _arguments() -> argparse.Namespace:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m examples.finetune.answers",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", type=Path, metavar="TASK.yaml")
    parser.add_argument("lines", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="directory of the base model")
    parser.add_argument("--adapter", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--without-base", action="store_true", help="ask the adapters alone")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device", default=device)
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    return parser.parse_args()


if __name__ == "__main__":
    main(_arguments())
