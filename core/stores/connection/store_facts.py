"""What a store says of itself (currency, time zone, plan and so on), kept with it and refreshed as it changes.

Nothing of it can be set at the desk: what the merchant set there (sender, policy, limits) is in settings of their own,
which this never touches.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import fields
from datetime import datetime

from sqlalchemy.orm import Session

from core.platform.contract import StoreFacts
from core.stores import audit
from core.stores.platform_access import facts_of, store_by_id

_FORMS = {
    "currency": re.compile(r"[A-Z]{3}"),
    "language": re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*"),
    "country": re.compile(r"[A-Z]{2}"),
    "url": re.compile(r"https?://\S{1,500}"),
    "email": re.compile(r"[^\s@]{1,200}@[^\s@]{1,200}"),
}


def learn(session: Session, store_id: int, said: StoreFacts, *, now: datetime) -> tuple[str, ...]:
    """Keep what changed of a store's facts; give their names. What is "", or not in its form, stays as it was."""
    known = facts_of(store_by_id(session, store_id))
    news = {
        fact.name: value
        for fact in fields(said)
        if (value := str(getattr(said, fact.name)).strip()) != getattr(known, fact.name) and _is_told(fact.name, value)
    }
    if not news:
        return ()
    store = store_by_id(session, store_id, lock=True)
    for name, value in news.items():
        setattr(store, name, value)
    names = tuple(sorted(news))
    audit.note(session, now, store.platform, "learn_facts", codes={"names": list(names)})
    return names


def _is_told(name: str, value: str) -> bool:
    if name == "timezone":
        return value in zoneinfo.available_timezones()
    form = _FORMS.get(name)
    return bool(form.fullmatch(value) if form else value and len(value) <= 200 and "\x00" not in value)
