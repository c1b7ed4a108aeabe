"""The environment, read once into a frozen Config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

_PREFIX = "AFTERCARE_"


class BadConfig(Exception):
    """The environment does not describe a working installation; the message says what to set."""


class Config(BaseModel):
    """Everything a process needs to know from outside. Each field is AFTERCARE_<FIELD> in the environment."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    database_url: str = Field("sqlite:///var/aftercare.db", repr=False)  # it may hold a password
    secret_keys: SecretStr = SecretStr("")
    public_url: str = "http://127.0.0.1:8321"
    smtp_url: SecretStr = SecretStr("")
    mail_from: str = "notices@localhost"
    """Address of the envelope and, until a store proves its own domain, of the From line."""
    inbound_token: SecretStr = SecretStr("")
    """Opens POST /mail/inbound, where the mail server hands over bounces and replies."""
    metrics_token: SecretStr = SecretStr("")
    outbound_allow: frozenset[str] = frozenset()
    """host:port pairs the address guard lets through; only the demo and tests set it."""
    trusted_proxies: int = Field(0, ge=0, le=5)
    """How many proxies of ours stand in front; with none, X-Forwarded-For is anybody's claim and is ignored."""
    worker_threads: int = Field(4, ge=1, le=64)
    paying_seconds: float = Field(120, gt=0, le=240)
    """How long a call that moves money may take; below the five minutes for which a worker holds a job."""
    first_look_seconds: float = Field(180, gt=0)
    """How long after asking for money without a clear answer we first look whether it moved."""
    log_format: Literal["json", "text"] = "json"
    app_settings: Mapping[str, Mapping[str, str]] = Field(default_factory=dict, repr=False)

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must start with sqlite:/// or postgresql+psycopg://")
        return url

    @field_validator("public_url")
    @classmethod
    def _no_trailing_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with https:// (or http:// on this machine)")
        return url.rstrip("/")

    @field_validator("outbound_allow", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return frozenset(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @property
    def is_https(self) -> bool:
        """Say whether people reach us encrypted, whatever a proxy in front makes of it on the way."""
        return self.public_url.startswith("https://")

    @property
    def keys(self) -> tuple[str, ...]:
        """The sealing keys: the first seals, all open."""
        return tuple(filter(None, (key.strip() for key in self.secret_keys.get_secret_value().split(","))))


def read_config(env: Mapping[str, str], app_settings: Mapping[str, Iterable[str]] | None = None) -> Config:
    """Read the AFTERCARE_* variables; `app_settings` names each platform's own ones. Raises BadConfig."""
    values: dict[str, Any] = {
        name: env[_PREFIX + name.upper()]
        for name in Config.model_fields
        if name != "app_settings" and env.get(_PREFIX + name.upper(), "") != ""
    }
    values["app_settings"] = {
        platform: {key: env.get(f"{_PREFIX}{platform}_{key}".upper(), "") for key in keys}
        for platform, keys in (app_settings or {}).items()
    }
    try:
        return Config(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = _PREFIX + str(first["loc"][0]).upper() if first["loc"] else "the configuration"
        raise BadConfig(f"{name} {first['msg'].removeprefix('Value error, ')}") from None
