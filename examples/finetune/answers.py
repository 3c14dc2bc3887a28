"""Answer lines with the base model, or with an adapter, held to the task's schema.

    python -m examples.finetune.answers tasks/fnol.yaml lines/fnol-test.jsonl.gz \
        --adapter adapters-out/fnol --out answers/fnol.jsonl

vLLM answers, with the grammar that docfleet's engine has; no fleet is needed. The adapter is
merged into the base for it, which a CPU computes five times faster than the two beside each other.
score.py holds the answers against the truth.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import xgrammar
import yaml
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from vllm import LLM, SamplingParams
from vllm.sampling_params import StructuredOutputsParams

from examples.finetune.lines import Line, read_lines
from examples.finetune.models import unpacked_base
from workers.engine.vllm.guide import grammar_of
from workers.engine.vllm.processor import cpu_dtype, read_flags

_BASE = "base"
_KV_CACHE_BYTES = 2**30


def merge(base: Path, adapter: Path, folder: Path) -> None:
    """Write the base with an adapter's changes into a folder.

    Args:
        base: Directory of the base model.
        adapter: Directory of the adapter.
        folder: Where to.
    """
    model = AutoModelForCausalLM.from_pretrained(base, dtype="float32")
    PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)


def answer_all(
    model: Path, dtype: str, lines: Sequence[Line], schema: dict[str, Any], tokens: int
) -> list[str]:
    """Return the most likely answer to each line.

    Args:
        model: Directory of the model.
        dtype: To compute in.
        lines: To answer.
        schema: JSON Schema of the answers.
        tokens: Maximum tokens of an answer.
    """
    memory = {} if torch.cuda.is_available() else {"kv_cache_memory_bytes": _KV_CACHE_BYTES}
    engine = LLM(str(model), dtype=dtype, enforce_eager=True, max_model_len=8192, **memory)
    text = json.dumps(schema)
    grammar = grammar_of(xgrammar, text) or str(
        xgrammar.Grammar.from_json_schema(text, any_whitespace=False, separators=(",", ":"))
    )
    guided = StructuredOutputsParams(grammar=grammar)
    sampling = SamplingParams(temperature=0, max_tokens=tokens, structured_outputs=guided)
    asked = [list(line.messages) for line in lines]
    return [done.outputs[0].text for done in engine.chat(asked, sampling)]


def _short(lines: Sequence[Line], arguments: argparse.Namespace) -> list[Line]:
    """Return the lines that fit; workers read longer documents in parts."""
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    found = [
        line
        for line in lines
        if len(tokenizer.apply_chat_template(list(line.messages), return_dict=False))
        <= arguments.max_tokens
    ]
    print(f"{len(found)} of {len(lines)} lines have {arguments.max_tokens} tokens at most")
    return found


def main(arguments: argparse.Namespace) -> None:
    """Answer the lines, and write each answer beside its truth."""
    task = yaml.safe_load(arguments.task.read_text(encoding="utf-8"))
    lines = _short(read_lines([arguments.lines])[: arguments.count], arguments)
    adapter: Path | None = arguments.adapter
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model
        if adapter is not None:
            model = Path(folder)
            merge(arguments.model, adapter, model)
        given = answer_all(
            model, arguments.dtype, lines, task["output_schema"],
            task["limits"]["max_output_tokens"],
        )  # fmt: skip
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("a", encoding="utf-8") as file:
        for line, text in zip(lines, given, strict=True):
            name = adapter.name if adapter else _BASE
            told = {"by": name, "name": line.name, "truth": line.truth, "answer": text}
            file.write(json.dumps(told, ensure_ascii=False) + "\n")


def _arguments() -> argparse.Namespace:
    dtype = "bfloat16" if torch.cuda.is_available() else cpu_dtype(read_flags())
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m examples.finetune.answers",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", type=Path, metavar="TASK.yaml")
    parser.add_argument("lines", type=Path)
    parser.add_argument("--adapter", type=Path, metavar="FOLDER", help="without one: the base")
    parser.add_argument("--max-tokens", type=int, default=4000, help="of a prompt")
    parser.add_argument("--count", type=int, help="of the first lines")
    parser.add_argument(
        "--model", type=Path, default=unpacked_base(), help="directory of the base model"
    )
    parser.add_argument("--dtype", default=dtype, choices=("float32", "bfloat16"))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="gets more lines")
    given = parser.parse_args()
    if given.model is None:
        parser.error("there is no unpacked base yet: run `docfleet up` once, or name it (--model)")
    return given


if __name__ == "__main__":
    main(_arguments())
