"""A batch through docfleet with OpenAI's own client: upload, run, wait, download.

Needs `openai`. Start `docfleet up`, then:

    set -a; eval "$(docfleet env)"; set +a
    python examples/openai_batch.py
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from openai import OpenAI

NOTICES = {
    "HM-1": "Claim HM-1. Hail broke two skylights on 3 May.",
    "AU-7": "Claim AU-7. The insured was hit from behind at a red light.",
    "HM-2": "Claim HM-2. A grease fire damaged the kitchen cabinets.",
}
LOSS = {
    "type": "object",
    "properties": {
        "claim": {"type": "string", "maxLength": 12},
        "peril": {"enum": ["hail", "fire", "water", "collision", "other"]},
    },
    "required": ["claim", "peril"],
    "additionalProperties": False,
}


def line(claim: str, text: str, model: str) -> str:
    """One request of the batch, whose answer has to follow the schema."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"{text}\n\nWhich claim, which peril?"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "loss", "strict": True, "schema": LOSS},
        },
        "max_completion_tokens": 60,
        "temperature": 0,
    }
    return json.dumps(
        {"custom_id": claim, "method": "POST", "url": "/v1/chat/completions", "body": body}
    )


def outcome(row: dict[str, Any]) -> tuple[str, str]:
    """A claim, and what the model said of it or why it said nothing."""
    body = row["response"]["body"] if row["response"] else row
    if body.get("error"):
        return row["custom_id"], body["error"]["message"]
    return row["custom_id"], body["choices"][0]["message"]["content"]


def main() -> None:
    """Run the batch and print what came of each claim."""
    client = OpenAI(
        base_url=f"{os.environ['DOCFLEET_API_URL']}/v1", api_key=os.environ["DOCFLEET_API_KEY"]
    )
    model = client.models.list().data[0].id
    lines = "\n".join(line(claim, text, model) for claim, text in NOTICES.items())
    file = client.files.create(file=("notices.jsonl", lines.encode()), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    while batch.status in {"validating", "in_progress", "finalizing"}:
        time.sleep(1)
        batch = client.batches.retrieve(batch.id)
    print(batch.status, batch.request_counts)
    for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
        for row in client.files.content(file_id).text.splitlines():
            print(*outcome(json.loads(row)))


if __name__ == "__main__":
    main()
