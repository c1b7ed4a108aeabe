"""What a merchant has set: one versioned mapping per store, read by the slices under their own names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.stores import audit
from core.stores.model import Store


class SettingsChanged(Exception):
    """Somebody saved these settings since they were shown; look at theirs first."""


def change(
    session: Session, store: Store, section: str, values: Mapping[str, Any], *, version: int, now: datetime
) -> None:
    """Save one section. Raises SettingsChanged when `version` is no longer the store's."""
    row = session.get(Store, store.id, with_for_update=True, populate_existing=True)
    assert row is not None
    if row.settings_version != version:
        raise SettingsChanged
    before = row.settings.get(section, {})
    row.settings = {**row.settings, section: dict(values)}
    row.settings_version += 1
    names = sorted(name for name in values if before.get(name) != values[name])
    codes = {"names": names, "version": row.settings_version}
    audit.note(session, now, audit.STAFF, "change_settings", f"settings:{section}", codes)
