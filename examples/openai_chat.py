"""One question to a model of the fleet, with OpenAI's own client.

Needs `openai`. Start `docfleet up`, then:

    set -a; eval "$(docfleet env)"; set +a
    python examples/openai_chat.py "Hail broke two skylights. Which peril is that?"
"""

from __future__ import annotations

import os
import sys

from openai import OpenAI


def main() -> None:
    """Ask, wait for the turn and the answer, print it."""
    client = OpenAI(
        base_url=f"{os.environ['DOCFLEET_API_URL']}/v1", api_key=os.environ["DOCFLEET_API_KEY"]
    )
    chat = client.chat.completions.create(
        model=client.models.list().data[0].id,
        messages=[{"role": "user", "content": sys.argv[1]}],
        max_completion_tokens=80,
        temperature=0,
    )
    print(chat.choices[0].message.content)


if __name__ == "__main__":
    main()
