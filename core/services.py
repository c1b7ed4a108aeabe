"""What handlers and views share; made once by the app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.config import Config
from core.db.database import Database
from core.mail.smtp import Transport
from core.platform.registry import Registry
from core.secrets import Keyring


@dataclass(frozen=True)
class Services:
    """The process's doors to the outside. `clock` gives aware UTC; tests pass their own."""

    db: Database
    config: Config
    keyring: Keyring
    platforms: Registry
    mail: Transport
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
