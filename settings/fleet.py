"""Settings of a fleet: `fleet.toml`, and the environment over it.

Each section of the file has a module of its own. Secrets come only from the environment, or from
files that it names (secret_files.py). `DOCFLEET_POOLS__CPU__CONCURRENCY` overrides `[pools.cpu]
concurrency`.
"""

from __future__ import annotations

import binascii
import difflib
import tomllib
from base64 import b64decode, urlsafe_b64decode
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.job import TenantName
from schemas.queues import PoolName
from schemas.quota import Quota
from schemas.receiver_url import ReceiverUrl
from settings.errors import SettingsError
from settings.secret_files import SecretFiles
from settings.sections.api import ApiSettings
from settings.sections.callbacks import CallbackSettings
from settings.sections.documents import DocumentSettings
from settings.sections.lease import LeaseSettings
from settings.sections.limits import LimitSettings
from settings.sections.ocr import OcrSettings
from settings.sections.openai import OpenAiSettings
from settings.sections.pools import ModelSettings, PoolSettings
from settings.sections.retention import RetentionSettings
from settings.sections.rules import RuleSettings
from settings.sections.sandbox import SandboxSettings
from settings.sections.scripted import ScriptedSettings
from settings.sections.tenants import TenantSettings
from settings.sections.watch import WatchSettings
from settings.variables import unknown_variables

SECRETS = frozenset(
    {
        "api_key",
        "callback_secret",
        "encryption_keys",
        "events_token",
        "redis_password",
        "redis_url",
    }
)
"""Settings that may come only from the environment, or from files that it names."""


class FleetSettings(BaseSettings):
    """All settings of a fleet."""

    model_config = SettingsConfigDict(
        env_prefix="DOCFLEET_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    models: dict[str, ModelSettings] = Field(default_factory=dict)
    pools: dict[PoolName, PoolSettings] = Field(default_factory=dict)
    rules: tuple[RuleSettings, ...] = ()
    tenants: dict[TenantName, TenantSettings] = Field(default_factory=dict)
    limits: LimitSettings = LimitSettings()
    ocr: OcrSettings = OcrSettings()
    documents: DocumentSettings = DocumentSettings()
    sandbox: SandboxSettings = SandboxSettings()
    api: ApiSettings = ApiSettings()
    lease: LeaseSettings = LeaseSettings()
    callbacks: CallbackSettings = CallbackSettings()
    retention: RetentionSettings = RetentionSettings()
    watch: WatchSettings = WatchSettings()
    openai: OpenAiSettings = OpenAiSettings()
    scripted: ScriptedSettings = ScriptedSettings()
    metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="Where this process serves its metrics, if set."
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="The address to serve them on; 0.0.0.0 in a container."
    )
    worker_name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,128}$",
        description="A worker's own: no other running one has it, and one that is started again "
        "in its place has it too, so that what it held is judged at once.",
    )
    celery_events: bool = Field(
        default=False, description="Whether workers send Celery's events, which Flower shows."
    )
    prepare_concurrency: int = Field(default=2, ge=1, le=256)
    tasks_dir: Path = Path("tasks")
    state_dir: Path = Path(".docfleet")
    incoming_bucket: str = "incoming"
    results_bucket: str = "results"
    work_bucket: str = "work"

    redis_url: SecretStr | None = None
    redis_password: SecretStr | None = Field(
        default=None, description="Goes into `redis_url`, where that has none."
    )
    api_key: SecretStr | None = None
    callback_url: str | None = None
    callback_secret: SecretStr | None = Field(
        default=None,
        description="Signs for the default tenant and `callback_url`; with commas, each does.",
    )
    encryption_keys: SecretStr | None = Field(
        default=None,
        description="Seal endpoints' secrets: Fernet keys and commas; the first seals, each opens.",
    )
    events_token: SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _password_into_url(cls, values: dict[str, Any]) -> dict[str, Any]:
        """All other parts get a URL that contains the password."""
        url, password = values.get("redis_url"), values.get("redis_password")
        if not isinstance(url, str) or not password or urlsplit(url).password:
            return values
        scheme, _, rest = url.partition("://")
        login, _, place = rest.rpartition("@")
        user = login.partition(":")[0]
        return {**values, "redis_url": f"{scheme}://{user}:{quote(password, safe='')}@{place}"}

    @model_validator(mode="after")
    def _pools_name_models(self) -> Self:
        for name, pool in self.pools.items():
            if pool.model not in self.models:
                known = ", ".join(sorted(self.models)) or "none"
                raise ValueError(f"pools.{name}.model is {pool.model!r}; [models] has: {known}")
        return self

    @model_validator(mode="after")
    def _results_are_no_drops(self) -> Self:
        own = {self.results_bucket: "results_bucket", self.work_bucket: "work_bucket"}
        watched = [("incoming_bucket", self.incoming_bucket)]
        watched += [(f"rules.{n}.bucket", rule.bucket or "") for n, rule in enumerate(self.rules)]
        for place, bucket in watched:
            if bucket in own:
                raise ValueError(
                    f"{place} is {bucket!r}, which is the {own[bucket]}: "
                    "what the fleet writes would come back as drops"
                )
        return self

    @model_validator(mode="after")
    def _own_callbacks_have_tls(self) -> Self:
        own: dict[str, object] = {"callback_url": self.callback_url}
        own |= {f"rules.{n}.callback": rule.callback for n, rule in enumerate(self.rules)}
        for place, url in own.items():
            if self.callbacks.https_only and str(url or "https:").partition(":")[0] != "https":
                raise ValueError(f"{place} has no TLS, which `callbacks.https_only` demands")
        return self

    @field_validator("callback_url")
    @classmethod
    def _is_receiver(cls, url: str | None) -> str | None:
        return str(_RECEIVER.validate_python(url)) if url else None

    @field_validator("callback_secret")
    @classmethod
    def _can_sign(cls, secret: SecretStr | None) -> SecretStr | None:
        for one in _words_of(secret):
            if not _is_signing_secret(one):
                raise ValueError("a signing secret is `whsec_` and base64 of 24 to 64 bytes")
        return secret

    @field_validator("encryption_keys")
    @classmethod
    def _can_seal(cls, keys: SecretStr | None) -> SecretStr | None:
        for key in _words_of(keys):
            if len(key) != _FERNET_KEY_LENGTH:
                raise ValueError("an encryption key is url-safe base64 of 32 bytes")
            try:
                urlsafe_b64decode(key)
            except binascii.Error as error:
                raise ValueError("an encryption key is url-safe base64 of 32 bytes") from error
        return keys

    def pool(self, name: str | None = None) -> tuple[str, PoolSettings]:
        """Return a pool and its name; the first pool of the file unless one is named.

        Raises:
            SettingsError: There is no such pool.
        """
        chosen = name if name is not None else next(iter(self.pools), None)
        if chosen is None:
            raise SettingsError("the fleet's file has no [pools]: jobs would have nowhere to go")
        if chosen not in self.pools:
            known = ", ".join(sorted(self.pools)) or "none"
            raise SettingsError(f"there is no pool {chosen!r}; the fleet's file has: {known}")
        return chosen, self.pools[chosen]

    def callback_secrets(self) -> tuple[str, ...]:
        """Return the secrets that sign for the default tenant and for the fleet's own callback.

        Raises:
            SettingsError: There is no secret.
        """
        secrets = tuple(_words_of(self.callback_secret))
        if not secrets:
            raise SettingsError("a deliver worker signs with DOCFLEET_CALLBACK_SECRET: set it")
        return secrets

    def tenant(self, name: str) -> TenantSettings:
        """Return a tenant's limits."""
        return self.tenants.get(name, TenantSettings())

    def quota(self, name: str) -> Quota:
        """Return a tenant's limits in the ledger."""
        tenant = self.tenant(name)
        return Quota(tenant.max_queued, tenant.max_stored_bytes or self.limits.tenant_ledger_share)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the hook's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the hook's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: arguments over environment, secret files and the fleet's file."""
        files = SecretFiles(settings_cls, SECRETS)
        return init_settings, env_settings, files, TomlConfigSettingsSource(settings_cls)


_RECEIVER = TypeAdapter[HttpUrl](ReceiverUrl)
_FERNET_KEY_LENGTH = 44
_SIGNING_BYTES = range(24, 65)


def _words_of(secret: SecretStr | None) -> list[str]:
    """Return the parts of a secret that may be a list with commas."""
    return [] if secret is None else [one.strip() for one in secret.get_secret_value().split(",")]


def _is_signing_secret(secret: str) -> bool:
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return False
    return secret.startswith("whsec_") and len(key) in _SIGNING_BYTES


def load_settings(path: Path, *, check_variables: bool = True, **overrides: Any) -> FleetSettings:
    """Read a fleet's settings.

    Args:
        path: Path of `fleet.toml`; relative paths in it are relative to its folder.
        check_variables: False when a variable that names no setting is no error.
        overrides: Settings that override the environment and the file.

    Raises:
        SettingsError: The file is unreadable, or has an unknown key, a bad value or a secret; the
            message names the key and the file.
    """
    _check_file(path)
    if check_variables:
        _check_variables()

    class _Settings(FleetSettings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        settings = _Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_explain(error, path)) from error
    tasks_dir = path.parent / settings.tasks_dir
    return settings.model_copy(update={"tasks_dir": tasks_dir})


def _check_file(path: Path) -> None:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{path} does not exist: name the fleet's file with --config or DOCFLEET_CONFIG"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    for key in sorted(SECRETS & content.keys()):
        raise SettingsError(
            f"{path}: `{key}` is a secret; instead, set DOCFLEET_{key.upper()} in the environment, "
            f"or DOCFLEET_{key.upper()}_FILE to the file that holds it"
        )


def _check_variables() -> None:
    for variable, known in unknown_variables(FleetSettings, SECRETS):
        near = difflib.get_close_matches(variable, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "`docfleet check` lists the known ones"
        raise SettingsError(f"{variable}: there is no such variable; {hint}")


def _explain(error: ValidationError, path: Path) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(step) for step in problem["loc"]) or "settings"
        words = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            words = "unknown key"
        lines.append(f"{path} (or its DOCFLEET_ variable): {key}: {words}")
    return "\n".join(lines)
