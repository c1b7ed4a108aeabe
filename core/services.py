"""What handlers and views share; made once by the app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from core.config import Config
from core.db.database import Database
from core.mail.smtp import Transport
from core.platform.registry import Registry
from core.platform.reviews.review_source import ReviewSource
from core.secrets import Keyring


@dataclass(frozen=True)
class Services:
    """The process's database, mail, platforms and keys. `clock` gives aware UTC; tests pass their own.

    Leases end by `lease_clock`, which reads the database's; where there is none, by `clock`.
    """

    db: Database
    config: Config
    keyring: Keyring
    platforms: Registry
    mail: Transport
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    lease_clock: Callable[[Session], datetime] | None = None
    review_sources: Mapping[str, type[ReviewSource]] = field(default_factory=dict)
    """The providers of reviews that stores may connect beside their platform, by name."""

    def lease_time(self, session: Session) -> datetime:
        """Give the time by which leases are held and work is due."""
        return self.lease_clock(session) if self.lease_clock else self.clock()
