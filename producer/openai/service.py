"""Services behind the OpenAI-compatible routes, in one object."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.ledger import Ledger
from producer.callbacks.rules import CallbackRules
from producer.openai.batches import Batches
from producer.openai.chats import Chats
from producer.openai.files import Files
from schemas.task import Task
from settings.chat_models import ChatModels
from settings.fleet import FleetSettings
from storage.objects import ObjectStore


class OpenAi:
    """Services behind the OpenAI-compatible routes.

    Args:
        settings: The fleet's.
        ledger: Holds jobs, batches and files.
        store: Holds the bytes of files, requests and results.
        tasks: Tasks whose adapters can be asked.
        callbacks: The rules for callbacks.

    Attributes:
        settings: Limits and deadlines.
        models: Models that can be asked.
        chats: Single chats.
        files: Files that batches read and write.
        Batches: many chats in one file.
    """

    def __init__(
        self,
        settings: FleetSettings,
        ledger: Ledger,
        store: ObjectStore,
        tasks: Mapping[str, Task],
        callbacks: CallbackRules,
    ) -> None:
        self.settings = settings.openai
        self.models = ChatModels(settings, tasks)
        self.chats = Chats(settings, ledger, store, self.models)
        self.files = Files(settings, ledger, store)
        self.batches = Batches(settings, ledger, self.files, callbacks)
