"""Secrets in files, as containers receive them.

`DOCFLEET_API_KEY_FILE` names a file with the value of DOCFLEET_API_KEY; the latter wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import environ  # noqa: TID251  # settings is the place where it is read
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from settings.errors import SettingsError


class SecretFiles(PydanticBaseSettingsSource):
    """A source of settings.

    Args:
        settings_cls: Class of the settings.
        names: Names of the settings that are secrets.
    """

    def __init__(self, settings_cls: type[BaseSettings], names: Iterable[str]) -> None:
        super().__init__(settings_cls)
        self._names = sorted(names)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  # the base's signature
        """Return a file's content without surrounding white space; None when no file is named.

        Raises:
            SettingsError: The file is missing, unreadable or empty.
        """
        variable = f"DOCFLEET_{field_name.upper()}_FILE"
        path = environ.get(variable)
        if not path:
            return None, field_name, False
        try:
            secret = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(f"{variable}: {path} cannot be read: {reason}") from error
        if not secret:
            raise SettingsError(f"{variable}: {path} is empty")
        return secret, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the secrets in files."""
        fields = self.settings_cls.model_fields
        found = {name: self.get_field_value(fields[name], name)[0] for name in self._names}
        return {name: secret for name, secret in found.items() if secret is not None}
