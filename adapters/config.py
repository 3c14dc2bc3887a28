"""An adapter's configuration: the file beside its weights, read in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ADAPTER_CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def read_adapter_config(adapter: Path) -> Mapping[str, Any]:
    """Return the configuration in an adapter's directory.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file holds no JSON object.
    """
    config = json.loads((adapter / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise ValueError("the file is no JSON object")  # noqa: TRY004  # as for other bad JSON
    return config
