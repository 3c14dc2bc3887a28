"""A script: unpack a GGUF into a directory of safetensors, with config and tokenizer.

Run by prepared_model.py in a process of its own, for it loads torch:
`dequantise.py GGUF DIRECTORY`.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import gguf as gguf_files
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.quantization_config import GgufConfig


def main() -> None:
    """Read the GGUF, write the directory."""
    # Transformers reads the file three times and makes the map of names once for each tensor.
    gguf_files.GGUFReader = cache(gguf_files.GGUFReader)
    gguf_files.get_tensor_name_map = cache(gguf_files.get_tensor_name_map)
    gguf, directory = Path(sys.argv[1]), Path(sys.argv[2])
    model = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent),
        gguf_file=gguf.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    model.save_pretrained(directory)
    AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name).save_pretrained(directory)


if __name__ == "__main__":
    main()
