"""Who reads a return: their language, the store's zone and time, and what they may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from core.i18n.words import Words
from core.stores.model import Store


@dataclass(frozen=True, slots=True)
class ReaderContext:
    """A reader's words and days; the days are the store's. `photo_url` is given for who may see the photos."""

    words: Words
    now: datetime
    zone: ZoneInfo
    may_act: bool = False
    photo_url: Callable[[int], str] | None = None

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def day(self, day: date | datetime) -> str:
        """Write a day, or the day of a moment."""
        if isinstance(day, datetime):
            day = day.astimezone(self.zone).date()
        return self.words.day(day, today=self.today)

    def end_of(self, day: date) -> datetime:
        """Give the last second of a day, in UTC."""
        return datetime.combine(day, time(23, 59, 59), self.zone).astimezone(UTC)


def reader_context_for(store: Store, words: Words, now: datetime) -> ReaderContext:
    """Speak to who may look, and no more."""
    return ReaderContext(words, now, ZoneInfo(store.timezone))
