"""Pages and lists of orders and reviews whose optional texts the store left empty, or filled with next to nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import sqlalchemy as sa

from core.orders.model import Order
from core.platform.sample import World
from core.platform.snapshots import LineItemSnapshot, ReviewSnapshot, ShipmentSnapshot, TrackingStatus
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import tracking_token
from tests.conftest import NOON
from tests.core.desk.returns_scene import path, seat
from tests.core.reviews.scene import SORRY, review_there
from tests.core.samples import anns_order, anns_review
from tests.core.shipping.seed import apply, on_sqlite

pytestmark = on_sqlite
NEXT_TO_NOTHING = ["", " ", "@", "a@.", "#", "\u200b"]
GIVEN = {"ref", "state", "status", "currency", "kind"}


def filled(snapshot: Any, text: str) -> Any:
    """The snapshot with every text that a store may leave out set to the same one."""
    texts = [one.name for one in fields(snapshot) if one.type == "str" and one.name not in GIVEN]
    return replace(snapshot, **dict.fromkeys(texts, text))


@pytest.mark.parametrize("text", NEXT_TO_NOTHING)
def test_an_order_of_empty_texts_is_shown_to_staff_and_shopper(services: Services, store: Store, text: str) -> None:
    parcel = ShipmentSnapshot("s1", TrackingStatus.DELIVERED, shipped_at=NOON, delivered_at=NOON, items={"l1": 1})
    lines = (filled(LineItemSnapshot("l1", "", 2, total=2400), text),)
    bare = anns_order(lines=lines, shipments=(filled(parcel, text),))
    apply(services, store, filled(bare, text))
    with services.db.transaction(store.id, write=False) as session:
        order = session.scalars(sa.select(Order)).one()
    max_ = seat(services, store, "owner", "max")
    here = f"orders/{order.id}"
    pages = ["", "orders", f"orders?q={text}", here, f"{here}/return", f"{here}/privacy", f"{here}/export", "returns"]
    assert {page: max_.get(path(store, page)).status_code for page in pages} == dict.fromkeys(pages, 200)
    link = tracking_token(services.keyring, store_id=store.id, order_id=order.id, version=order.link_version)
    shown = [f"/t/{link}", f"/t/{link}/withdraw"]
    assert {page: max_.get(page).status_code for page in shown} == dict.fromkeys(shown, 200)


@pytest.mark.parametrize("text", NEXT_TO_NOTHING)
def test_a_review_of_empty_texts_is_shown_and_answered(
    services: Services, store: Store, world: World, text: str
) -> None:
    apply(services, store, filled(anns_order(), text))
    review: ReviewSnapshot = filled(anns_review(), text)
    review_id = review_there(services, store, world, replace(review, order_ref="1"))
    max_ = seat(services, store, "owner", "max")
    for page in ("reviews", f"reviews?q={text}", f"reviews/{review_id}"):
        assert max_.get(path(store, page)).status_code == 200, page
    for words in ("", "👍", SORRY):
        said = max_.post(path(store, f"reviews/{review_id}/answer"), data={"text": words})
        assert said.status_code in {200, 302, 400, 422}, words
