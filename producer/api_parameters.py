"""What the routes of the HTTP API take: the client, ids in the path, and the key's header."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPBearer

from producer.client import Client

bearer = Depends(HTTPBearer(auto_error=False, description="The guard looks at it."))
"""Makes OpenAPI say that a key is needed."""

JobId = Annotated[str, Path(examples=["job_6f0c2f1c5e0c4d0b8a7d9e3f"])]


def _client(request: Request) -> Client:
    client: Client = request.app.state.client
    return client


ClientOfApp = Annotated[Client, Depends(_client)]
