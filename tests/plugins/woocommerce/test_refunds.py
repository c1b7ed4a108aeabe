"""What a WooCommerce store summed up is what it gives back: to the cent, by line, once, also on its bad days."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.platform.contract import RefundLine, Reimbursement, ReturnMove
from core.platform.errors import NothingDone, Refused, Unavailable
from core.platform.snapshots import OrderSnapshot, TaxPart
from core.returns.money.purchased import Payment, PurchasedLine, PurchasedOrder
from core.returns.money.quotes import QuoteRequest
from core.returns.money.refund_amount import quote
from plugins.woocommerce.amounts import fractions, order_lines, refund_lines
from plugins.woocommerce.refunds import UNCLEAR, refund_body
from tests.plugins.woocommerce.harness import Merchant, open_platform
from tests.plugins.woocommerce.test_mapping import load, read
from tests.stores.woocommerce import Line, Store, make_order, serving


@pytest.fixture
def max_(tmp_path: Path) -> Iterator[Merchant]:
    with open_platform(tmp_path) as (_, merchant):
        yield merchant


def place(merchant: Merchant, **options: Any) -> OrderSnapshot:
    return fetch(merchant, str(merchant.store.place(make_order(placed=merchant.now, **options))["id"]))


def fetch(merchant: Merchant, ref: str) -> OrderSnapshot:
    order = merchant.connect().fetch_order(ref)
    assert isinstance(order, OrderSnapshot)
    return order


def everything(order: OrderSnapshot) -> Reimbursement:
    """The whole order, by line, as the quote of a return shares it out."""
    taxes = {line.ref: {tax.ref: tax.amount for tax in line.taxes} for line in order.lines}
    lines = tuple(PurchasedLine(one.ref, one.quantity, one.total, taxes[one.ref], one.kind) for one in order.lines)
    bought = PurchasedOrder(order.currency, lines, (Payment("p1", order.total),), order.total, order.tax_included)
    given = quote(bought, QuoteRequest({one.ref: one.quantity for one in order.lines if one.kind != "shipping"}, True))
    parts = tuple(RefundLine(part.ref, part.quantity, part.net, part.taxes) for part in given.payout)
    return Reimbursement("reimbursement:1", "refund", order.ref, given.total, order.currency, lines=parts)


# Reading.


def test_a_recorded_refund_of_goods_and_shipping_is_read_line_by_line() -> None:
    row = load("rest.refunds__create_line_and_shipping_no_amount")
    assert [*refund_lines(row, "USD")] == [RefundLine("5", 1, 2400, {"1": 204}), RefundLine("6", 0, 750, {"1": 64})]


def test_a_recorded_refund_above_what_was_ordered_is_read_as_it_was_accepted() -> None:
    assert [*refund_lines(load("rest.refunds__create_over_ordered"), "USD")] == [RefundLine("5", 99, 100)]
    assert [*refund_lines(load("rest.refunds__create_amount_only"), "USD")] == []


@pytest.mark.parametrize(
    ("body", "total"),
    [("create", 15679), ("get_after_refund", 15679), ("create_guest", 8626), ("get_after_full_refund", 3418)],
)
def test_a_recorded_order_s_total_stays_what_its_lines_came_to_at_purchase(body: str, total: int) -> None:
    order = read(load(f"rest.orders__{body}"))
    assert order.total == total == sum(line.total + line.tax for line in order.lines)


@pytest.mark.parametrize(
    ("total_tax", "rates", "read_as"),
    [
        ("29.87", ["29.88"], [2987]),  # as 10.5 shows 149.375 net with prices that include tax
        ("29.87", ["29.875"], [2987]),  # and as it was shown before 10.0
        ("1.33", ["0.588", "0.735"], [59, 74]),  # woocommerce issue 58351
        ("0.35", ["0.34902"], [35]),  # woocommerce issue 33143
        ("2.04", [], [204]),
        ("0.00", [], []),
        ("-0.35", ["-0.34902"], [-35]),
    ],
)
def test_taxes_by_rate_add_up_to_the_tax_that_the_total_was_summed_from(
    total_tax: str, rates: list[str], read_as: list[int]
) -> None:
    taxes = [{"id": 7 + place, "total": amount, "subtotal": ""} for place, amount in enumerate(rates)]
    row = {"id": 1, "total": "149.38", "total_tax": total_tax, "taxes": taxes}
    (line,) = order_lines({"fee_lines": [row]}, "GBP", {})
    refs = [str(7 + place) for place in range(len(rates))] or ["0"]
    assert line.taxes == tuple(map(TaxPart, refs, read_as))
    assert sum(read_as) == line.tax


# Giving back exactly what was paid.


def vat_order(merchant: Merchant, line_tax: str) -> OrderSnapshot:
    """Ten units at £23.90 with 20 % VAT inside and a coupon of 25 %, as WooCommerce stores them; £179.25 were paid."""
    order = make_order(
        placed=merchant.now, lines=(Line(quantity=10),), shipping=("flat_rate", "Free", "0.00"), currency="GBP"
    )
    order |= {"prices_include_tax": True, "total": "179.25", "total_tax": "29.87", "cart_tax": "29.87"}
    taxes = [{"id": 1, "total": "29.875", "subtotal": "39.8333"}]
    order["line_items"][0] |= {"total": "149.375", "subtotal": "199.1667", "total_tax": line_tax, "taxes": taxes}
    return fetch(merchant, str(merchant.store.place(order)["id"]))


@pytest.mark.parametrize(("line_tax", "tax"), [("29.87", 2987), ("29.875", 2988)], ids=["by line", "at subtotal"])
def test_a_coupon_on_prices_with_vat_is_given_back_as_it_was_paid(max_: Merchant, line_tax: str, tax: int) -> None:
    order = vat_order(max_, line_tax)
    assert (order.total, order.lines[0].total, order.lines[0].tax) == (17925, 14938, tax)
    wanted = everything(order)
    assert wanted.amount == 17925
    assert max_.connect().reimburse(wanted).state == "issued"
    after = fetch(max_, order.ref)
    assert (after.state, after.total, after.refunds[0].amount) == ("refunded", 17925, 17925)
    assert sum(part.gross for part in after.refunds[0].lines) == 17925


def test_one_cent_more_than_was_paid_is_refused_as_by_the_store_itself(max_: Merchant) -> None:
    order = vat_order(max_, "29.87")
    naive = RefundLine(order.lines[0].ref, 10, 14938, {"1": 2988})
    wanted = replace(everything(order), amount=naive.gross, lines=(naive,))
    with pytest.raises(Refused, match=r"179\.25 GBP of this order can still be refunded"):
        max_.connect().reimburse(wanted)


def test_goods_shipping_and_fees_come_back_in_full_and_leave_nothing(max_: Merchant) -> None:
    order = place(max_, lines=(Line(quantity=3), Line("Sweater", "89.00")), fees=(("Gift wrap", "4.99"),))
    assert [line.kind for line in order.lines] == ["physical", "physical", "shipping", "fee"]
    wanted = everything(order)
    assert wanted.amount == order.total == sum(line.total + line.tax for line in order.lines)
    max_.connect().reimburse(wanted)
    (row,) = max_.store.refunds[int(order.ref)]
    assert {kind: [line["total"] for line in row[kind]] for kind in ("line_items", "shipping_lines", "fee_lines")} == {
        "line_items": ["-72.00", "-89.00"],
        "shipping_lines": ["-7.50"],
        "fee_lines": ["-4.99"],
    }
    after = fetch(max_, order.ref)
    assert after.state == "refunded"
    paid = {line.ref: (line.total, {tax.ref: tax.amount for tax in line.taxes}) for line in order.lines}
    assert {line.ref: (line.amount, line.taxes) for line in after.refunds[0].lines} == paid


def test_a_store_that_shows_no_cents_gives_back_what_it_summed() -> None:
    merchant = Merchant()
    merchant.store = Store(now=lambda: merchant.now, loopback=True, decimals=0)
    merchant.key = merchant.store.add_key()
    with serving(merchant.store):
        body = make_order(placed=merchant.now, lines=(Line(price="24.40"),), currency="CZK", tax_percent="21")
        body["line_items"][0]["total_tax"], body["shipping_lines"][0]["total_tax"] = "5", "2"
        body |= {"total": "39", "total_tax": "7"}  # 24.40 and 7.50 are 24 and 8 where whole crowns are summed
        order = fetch(merchant, str(merchant.store.place(body)["id"]))
        assert [(line.total, line.tax) for line in order.lines] == [(2400, 500), (800, 200)]
        assert order.total == 3900
        merchant.connect().reimburse(everything(order))
        assert fetch(merchant, order.ref).state == "refunded"


def test_only_goods_are_sent_in_units() -> None:
    parts = (RefundLine("1", 2, 4800, {"7": 408}), RefundLine("2", 1, 750))
    body = refund_body(Reimbursement("k1", "refund", "17", 5958, "USD", lines=parts), goods={"1"})
    assert (body["amount"], body["api_refund"], body["api_restock"]) == ("59.58", True, False)
    assert body["line_items"] == [
        {"id": 1, "quantity": 2, "refund_total": "48.00", "refund_tax": [{"id": 7, "refund_total": "4.08"}]},
        {"id": 2, "quantity": 0, "refund_total": "7.50", "refund_tax": []},
    ]


# Bad days.


@pytest.mark.parametrize("mood", ["reset", "slow", "truncated"])
def test_a_refund_whose_answer_was_lost_is_found_again_and_not_repeated(max_: Merchant, mood: str) -> None:
    order = place(max_, lines=(Line(quantity=3),))
    by_hand = RefundLine(order.lines[0].ref, 1, 2400, {"1": 204})
    assert max_.refund_by_hand(order.ref, by_hand.ref, 1) == (2604, (by_hand,))
    wanted = Reimbursement("reimbursement:7", "refund", order.ref, 2604, "USD", lines=(by_hand,), restock=True)
    on_shelf = max_.store.products[11]["stock_quantity"]
    max_.store.misbehave(mood, method="POST", path="refunds$", seconds=4)
    with pytest.raises(Unavailable):
        max_.connect().reimburse(wanted)
    assert max_.refunds(order.ref) == [2604, 2604], "the store did pay"
    found = max_.connect().find_reimbursement(wanted)
    assert found is not None
    assert (found.state, found.amount) == ("issued", 2604)
    assert max_.connect().reimburse(wanted) == found
    assert max_.refunds(order.ref) == [2604, 2604]
    assert max_.store.products[11]["stock_quantity"] == on_shelf + 1


def test_a_refund_that_never_reached_the_store_is_not_found_and_may_be_asked_for_again(max_: Merchant) -> None:
    order = place(max_)
    wanted = everything(order)
    max_.store.misbehave("503", method="POST", path="refunds$")
    with pytest.raises(Unavailable):
        max_.connect().reimburse(wanted)
    assert max_.connect().find_reimbursement(wanted) is None
    assert max_.connect().reimburse(wanted).state == "issued"


def test_a_refund_somebody_made_in_between_turns_ours_into_the_store_s_own_refusal(max_: Merchant) -> None:
    order = place(max_)
    wanted = replace(everything(order), through_gateway=True)
    max_.store.gateway_refusal = "Invalid refund amount."
    with pytest.raises(Refused, match=r"^Invalid refund amount\.$"):
        max_.connect().reimburse(wanted)
    assert max_.refunds(order.ref) == []


# Gateways that are slow, and PHP that dies.


def asked_for(order: OrderSnapshot) -> Reimbursement:
    part = RefundLine(order.lines[0].ref, 1, 2400, {"1": 204})
    return Reimbursement("reimbursement:7", "refund", order.ref, 2604, "USD", "RMA-1001", (part,))


def test_a_gateway_may_take_longer_than_a_look_may(max_: Merchant) -> None:
    wanted = asked_for(place(max_))
    max_.read_seconds, max_.paying_seconds, max_.store.gateway.seconds = 0.3, 5.0, 1.0
    assert max_.connect().reimburse(wanted).state == "issued"
    assert len(max_.store.gateway.payments) == 1


def test_a_refund_still_being_paid_is_seen_without_its_key_and_left_to_staff(max_: Merchant) -> None:
    wanted = asked_for(place(max_))
    max_.paying_seconds, max_.store.gateway.seconds = 0.3, 1.5
    with pytest.raises(Unavailable):
        max_.connect().reimburse(wanted)
    early = max_.connect().find_reimbursement(wanted)
    assert early is not None
    assert (early.state, early.sentence, max_.store.gateway.payments) == ("needs_staff", UNCLEAR, [])
    assert max_.connect().reimburse(wanted) == early, "it is not asked for again"
    deadline = time.monotonic() + 10
    while (late := max_.connect().find_reimbursement(wanted)) == early and time.monotonic() < deadline:
        time.sleep(0.05)
    assert late is not None
    assert (late.state, late.ref, len(max_.store.gateway.payments)) == ("issued", early.ref, 1)


@pytest.mark.parametrize(("dies_at", "state"), [("money", "needs_staff"), ("key", "issued")])
def test_php_that_died_in_a_refund_of_ours_pays_once(max_: Merchant, dies_at: str, state: str) -> None:
    wanted = asked_for(place(max_))
    max_.store.gateway.dies_at = dies_at
    with pytest.raises(Unavailable) as caught:
        max_.connect().reimburse(wanted)
    assert not isinstance(caught.value, NothingDone)
    found = max_.connect().find_reimbursement(wanted)
    assert found is not None
    assert (found.state, found.amount) == (state, 2604)
    assert max_.connect().reimburse(wanted) == found
    assert len(max_.store.gateway.payments) == 1


def test_a_refund_by_hand_of_another_reason_or_amount_is_not_ours(max_: Merchant) -> None:
    wanted = asked_for(place(max_, lines=(Line(quantity=3),)))
    for amount, reason in (("26.04", "goodwill"), ("26.04", ""), ("1.00", "RMA-1001")):
        max_.store.refund(int(wanted.order_ref), {"amount": amount, "reason": reason, "api_refund": False})
        assert max_.connect().find_reimbursement(wanted) is None


@pytest.mark.parametrize("mood", ["429", "503"])
def test_too_many_requests_is_a_clear_no_and_a_server_s_trouble_is_not(max_: Merchant, mood: str) -> None:
    wanted = asked_for(place(max_))
    max_.store.misbehave(mood, method="POST", path="refunds$")
    with pytest.raises(Unavailable) as caught:
        max_.connect().reimburse(wanted)
    assert isinstance(caught.value, NothingDone) == (mood == "429")


# Returns beside the money.


def test_a_return_is_private_notes_and_one_meta_key_and_never_a_status(max_: Merchant) -> None:
    order = place(max_)
    raw = max_.store.orders[int(order.ref)]
    statuses, keys = dict(max_.store.statuses), {row["key"] for row in raw["meta_data"]}
    for move in ("requested", "approved", "received", "closed"):
        max_.connect().move_return(ReturnMove(f"rma:1:{move}", order.ref, "RMA-1042", move))
    other = ReturnMove("rma:2:requested", order.ref, "RMA-1043", "requested")
    max_.connect().move_return(other)
    mine = [row for row in raw["meta_data"] if row["key"] not in keys]
    assert [row["key"] for row in mine] == ["_aftercare_returns"]
    assert [(row["rma"], row["move"]) for row in mine[0]["value"]] == [
        ("RMA-1042", "requested"),
        ("RMA-1042", "approved"),
        ("RMA-1042", "received"),
        ("RMA-1042", "closed"),
        ("RMA-1043", "requested"),
    ]
    notes = max_.store.notes[int(order.ref)]
    assert len(notes) == 5
    assert not any(note["customer_note"] for note in notes)
    assert (raw["status"], max_.store.statuses) == ("processing", statuses)


def test_of_a_line_sold_by_the_part_its_measure_goes_back() -> None:
    wanted = Reimbursement("k1", "refund", "17", 1800, "USD", lines=(RefundLine("5", 1, 1800),))
    body = refund_body(
        wanted, {"5"}, fractions({"line_items": [{"id": 5, "quantity": "1.5"}, {"id": 6, "quantity": 2}]})
    )
    assert body["line_items"][0]["quantity"] == 1.5
