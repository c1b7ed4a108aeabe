"""How an order keeps the refunds its store told of."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from core.orders.model import Order
from core.orders.sync.anonymize import anonymize
from core.orders.sync.order_sync import Fetched, apply
from core.platform.snapshots import OrderSnapshot, RefundLine, RefundSnapshot
from core.services import Services
from core.stores.model import Store
from tests.conftest import NOON
from tests.core.samples import anns_order

REFUND = RefundSnapshot("f1", 1302, NOON, "One broke", "k1", (RefundLine("l1", 1, 1200, {"vat": 102}),))
STORED = {
    "ref": "f1",
    "amount": 1302,
    "at": NOON.isoformat(),
    "reason": "One broke",
    "key": "k1",
    "lines": [{"ref": "l1", "quantity": 1, "amount": 1200, "taxes": {"vat": 102}, "dispositions": []}],
    "paid_out": True,
    "return_ref": "",
}


def take_in(services: Services, store: Store, order: OrderSnapshot, *, minutes: int = 0) -> list[int]:
    at = NOON + timedelta(minutes=minutes)
    with services.db.transaction(store.id) as session:
        return apply(session, store.id, [Fetched(order, at)], statuses={}, email_key=str.lower, now=at)


def refunds(services: Services, store: Store) -> list[Any]:
    with services.db.transaction(store.id) as session:
        return list(session.scalars(sa.select(Order.refunds)).one())


def test_a_refund_is_kept_with_its_amounts_by_line(services: Services, store: Store) -> None:
    take_in(services, store, anns_order(refunds=(REFUND,)))
    (kept,) = refunds(services, store)
    assert json.loads(json.dumps(kept)) == STORED


def test_what_was_kept_in_an_older_form_is_written_anew_when_the_store_is_next_read(
    services: Services, store: Store
) -> None:
    order = anns_order(refunds=(REFUND,))
    take_in(services, store, order)
    with services.db.transaction(store.id) as session:
        row = session.scalars(sa.select(Order)).one()
        row.refunds, row.digest = [{**STORED, "lines": {"l1": 1}}], "as another form digested it"
    assert take_in(services, store, order, minutes=5)
    assert refunds(services, store)[0]["lines"] == STORED["lines"]
    assert take_in(services, store, order, minutes=9) == []


def test_an_order_without_its_shopper_keeps_what_came_back_on_which_line() -> None:
    (refund,) = anonymize(anns_order(refunds=(REFUND,))).refunds
    assert (refund.reason, refund.lines) == ("", REFUND.lines)
