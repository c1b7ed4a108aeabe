"""Max's side of a sample store, whichever platform it stands at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from core.platform.contract import Reply, Request
from core.platform.native_returns import ReturnLine, ReturnState, WithdrawalSnapshot
from core.platform.sample_store import World
from core.platform.samples.returns_book import ReturnsBook
from core.platform.snapshots import (
    Change,
    HoldReason,
    HoldSnapshot,
    LineItemSnapshot,
    OrderSnapshot,
    PaymentSnapshot,
    RefundLine,
    RefundSnapshot,
    TaxPart,
)
from tests.conftest import NOON
from tests.core.samples import MUG, anns_order, anns_review

LINES = (
    replace(MUG, tax=504, taxes=(TaxPart("vat", 504),), product_ref="mug"),
    LineItemSnapshot("l2", "Parcel to the door", 1, 500, 105, 0, (TaxPart("vat", 105),), kind="shipping"),
)
PAYMENTS = (PaymentSnapshot("p1", "card", sum(line.total + line.tax for line in LINES), refundable=True),)


class SampleMerchant:
    """Places, ships and refunds by writing into the store's books."""

    troubles: ClassVar[Mapping[str, str]] = {"away": "away"}
    signs_bodies = True
    names_staff = True
    prepares_lists = False
    loses_answers = False
    gives_reasons = True
    takes_withdrawals = True
    order_facts: ClassVar[Mapping[str, Any]] = {}
    """What orders of this world have besides."""

    def __init__(self, world: World) -> None:
        self.world, self.now = world, NOON
        self.placed = 0
        self.led_back_to = ""

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def place(self) -> str:
        self.placed += 1
        facts = {"lines": LINES, "payments": PAYMENTS, "total": PAYMENTS[0].captured, **self.order_facts}
        order = anns_order(ref=str(self.placed), placed_at=self.now, updated_at=self.now, shopper_ref="7", **facts)
        self.world.put(order)
        return order.ref

    def place_unrefundable(self) -> str:
        order = self.order(self.place())
        self.world.put(replace(order, payments=(replace(PAYMENTS[0], refundable=False),)))
        return order.ref

    def order(self, ref: str) -> OrderSnapshot:
        order = self.world.order(ref)
        assert order is not None
        return order

    def change(self, ref: str) -> None:
        order = self.order(ref)
        self.world.put(replace(order, postcode=f"{order.postcode}*", updated_at=self.now))

    def delete(self, ref: str) -> None:
        self.world.remove("order", ref)

    def hold(self, ref: str, line: str) -> None:
        part = HoldSnapshot("h1", HoldReason.INCORRECT_ADDRESS, "INCORRECT_ADDRESS", items={line: 1})
        whole = HoldSnapshot("h2", HoldReason.OTHER, "OTHER", "Customs ask for papers")
        self.world.put(replace(self.order(ref), holds=(part, whole), updated_at=self.now))

    def withdraw(self, ref: str, line: str) -> None:
        declared = WithdrawalSnapshot(self.now, {line: 1}, mailed=True)
        self.world.put(replace(self.order(ref), withdrawal_requested=declared, updated_at=self.now))

    def post_review(self) -> str:
        self.world.put(anns_review("r1", at=self.now))
        return "r1"

    def refunds(self, ref: str) -> list[int]:
        return [refund.amount for refund in self.order(ref).refunds]

    def refund_by_hand(self, ref: str, line: str, quantity: int) -> tuple[int, Sequence[RefundLine]]:
        order = self.order(ref)
        bought = next(one for one in order.lines if one.ref == line)
        taxes = {tax.ref: tax.amount * quantity // bought.quantity for tax in bought.taxes}
        part = RefundLine(line, quantity, bought.total * quantity // bought.quantity, taxes)
        refund = RefundSnapshot(f"by hand {len(order.refunds)}", part.gross, self.now, lines=(part,))
        self.world.put(replace(order, refunds=(*order.refunds, refund), updated_at=self.now))
        return part.gross, (part,)

    def shelve(self, variant: str, price: int) -> None:
        self.world.shelve(variant, price, product="mug")

    def pay(self, key: str) -> None:
        self.world.pay(key, self.now)

    def notes(self, ref: str) -> int:
        return self.world.count("note")

    def shopper_secret(self) -> str:
        return "shared"

    store_key = "the store's key"

    def secret_of(self, store_key: str) -> str:
        return "shared" if store_key in ("linden", self.store_key) else ""

    def install_request(self) -> Request:
        return Request("GET", "/install", query=urlencode({"store": "linden", "world": self.world.path}))

    def consent(self, begun: Reply) -> Request:
        self.led_back_to, _, query = begun.headers["Location"].partition("?")
        return Request("GET", "/install/done", query=query)

    def forged_consents(self, brought: Request) -> Mapping[str, Request]:
        return {
            "another state": replace(brought, query=re.sub("state=[^&]*", "state=forged", brought.query)),
            "no state": replace(brought, query=re.sub("&?state=[^&]*", "", brought.query)),
            "nothing": replace(brought, query=""),
        }

    def prepared(self) -> object:
        return None

    def facts(self) -> Iterator[tuple[Change, bool]]:
        for has_left in (False, True):
            (self.world.remove_app if has_left else self.world.install_app)()
            yield Change("store", "linden", self.now, {"event": "uninstalled"}, "e1"), has_left
            yield Change("privacy", "linden", self.now, {"request": "erase_store"}, "e2"), has_left
        yield Change("privacy", "7", self.now, {"request": "erase", "email": "ann@shopper.example"}, "e3"), False

    def begin_return(self, ref: str, line: str, quantity: int) -> str:
        return ReturnsBook(self.world).begin(ref, [ReturnLine(line, quantity)], now=self.now).ref

    def cancel_return(self, native_ref: str) -> None:
        ReturnsBook(self.world).move(native_ref, ReturnState.CANCELED, now=self.now)

    def replies(self, review_ref: str) -> list[str]:
        review = self.world.review(review_ref)
        assert review is not None
        return [reply.text for reply in review.replies]

    def misbehave(self, how: str) -> None:
        self.world.door = self.troubles[how]
