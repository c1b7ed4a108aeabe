"""Walking the orders that changed, so that none is skipped while the merchant goes on changing them.

Times have one-second grain, and an order that changes moves to the end of the list, which pulls the others across
page borders. So we do not count pages: the next page is asked for by the last time seen, that second included
again. Only where one second fills a whole page (a bulk edit) do we count, and then look again whether the page
before still ends with the same order; where it does not, that second is walked anew. What is seen twice harms
nothing: an equal snapshot changes nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from plugins.woocommerce.client import PER_PAGE, Client
from plugins.woocommerce.tracking import utc_time

OVERLAP = timedelta(seconds=60)
"""How far the next poll looks back: a slow save may become visible after a later one was seen."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a walk stands: the second, the page within it, and the last order of the page before.

    `begun` is False at the start of a walk: only there is WooCommerce's total that of the whole walk.
    """

    since: str = ""
    page: int = 1
    anchor: str = ""
    begun: bool = False

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Read our own text or an ISO time; "" is the beginning. Raises ValueError for anything else."""
        if not text.startswith("{"):
            moment = utc_time(text) if text else None
            if text and moment is None:
                raise ValueError(f"not a cursor: {text[:40]!r}")
            return cls(_written(moment) if moment else "")
        return cls(**json.loads(text))

    def __str__(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Changed:
    """One page of orders as the store wrote them."""

    rows: list[dict[str, Any]]
    cursor: Cursor
    last: bool
    total: int | None


def changed_orders(api: Client, cursor: Cursor, per_page: int = PER_PAGE) -> Changed:
    """Fetch the orders changed at or after the cursor, oldest change first."""
    params = _params(cursor, per_page)
    rows, counted, last = api.page("orders", params)
    total = None if cursor.begun else counted
    if cursor.anchor and _last_id(api, {**params, "page": cursor.page - 1}) != cursor.anchor:
        return Changed(rows, Cursor(cursor.since, begun=True), False, total)
    if not rows:
        return Changed(rows, Cursor(cursor.since), True, total)
    newest = _modified(rows[-1])
    if last:
        since = max(cursor.since, _written(newest - OVERLAP))
        return Changed(rows, Cursor(since), True, total)
    if _written(newest) == cursor.since:
        following = Cursor(cursor.since, cursor.page + 1, str(rows[-1]["id"]), begun=True)
        return Changed(rows, following, False, total)
    return Changed(rows, Cursor(_written(newest), begun=True), False, total)


def _params(cursor: Cursor, per_page: int) -> dict[str, Any]:
    params = {"per_page": per_page, "page": cursor.page, "orderby": "modified", "order": "asc"}
    if not cursor.since:
        return params
    # modified_after leaves its own second out, so we ask from the second before.
    after = datetime.fromisoformat(cursor.since) - timedelta(seconds=1)
    return params | {"modified_after": after.isoformat(), "dates_are_gmt": "true"}


def _last_id(api: Client, params: dict[str, Any]) -> str:
    rows = api.page("orders", {**params, "_fields": "id"}).items
    return str(rows[-1]["id"]) if rows else ""


def _modified(row: dict[str, Any]) -> datetime:
    return utc_time(row.get("date_modified_gmt")) or utc_time(row.get("date_created_gmt")) or datetime.now(UTC)


def _written(moment: datetime) -> str:
    """Write as WooCommerce reads it: UTC, whole seconds, no zone."""
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()
