"""P6: starting a return – policy, amounts, rows, one transaction – and sixteen who ask for one line at once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

import sqlalchemy as sa

from benchmarks import fill, measure, stage
from benchmarks.measure import Sample
from benchmarks.stage import NOW, Base
from core.changes.apply import apply_orders
from core.db.base import new_id
from core.orders.model import Order
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    PaymentSnapshot,
    ShipmentSnapshot,
    TaxPart,
    TrackingStatus,
)
from core.returns.model import Return
from core.returns.money.order_balance import read_balance
from core.returns.money.quotes import QuoteRequest
from core.returns.money.refund_amount import quote
from core.returns.policy import policy_versions
from core.returns.policy.evaluate_policy import ask
from core.returns.policy.policy_document import Policy, PolicyRule, When
from core.returns.requests.evaluate_request import RequestedLine, facts_of
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnNotAllowed, ReturnRequest, open_return
from core.services import Services
from core.stores.model import Store

RETURNS = 300
"""Returns a round, each of an order nobody has returned from."""
ROUNDS = measure.ROUNDS + 1
ASKED = RequestedLine("a", 1, "too_small")


def main() -> None:
    """Measure on PostgreSQL, then on SQLite."""
    for make in stage.BOTH:
        with make() as base, stage.services_for(base, now=NOW) as services:
            store = stage.connect(services)
            _set_policy(services, store)
            ids = iter(_place(services, store, RETURNS * ROUNDS * 2 + 1))
            runs: dict[str, Callable[[], Sample]] = {"ours": partial(_open, services, store, base, ids)}
            if base.engine == "PostgreSQL":
                runs["floor"] = partial(_floor, services, store, base, ids)
            samples = measure.alternate(runs)
            measure.show(f"P6 start a return, {base.engine}", samples)
            measure.ratio(samples, "CPU µs a return", "ours", "floor", "<= 2")
            _sixteen(services, store, next(ids))


def _set_policy(services: Services, store: Store) -> None:
    rules = [
        PolicyRule(name=f"rule {n}", when=When(tags=(f"tag {n}",)), answer="decline", objection="final_sale")
        for n in range(9)
    ]
    policy = Policy(currency="EUR", otherwise="review", rules=tuple(rules))
    with services.db.transaction(store.id) as session:
        policy_versions.save_policy(session, store, policy, seen=1, who="Max", now=NOW)


def _snapshot(number: int) -> OrderSnapshot:
    day = timedelta(days=1)
    lines = tuple(
        LineItemSnapshot(ref, f"Thing {ref}", 3, total=2_000, tax=420, taxes=(TaxPart("21", 420),), product_ref=ref)
        for ref in "abc"
    )
    parcel = ShipmentSnapshot(
        "1",
        TrackingStatus.DELIVERED,
        shipped_at=NOW - 4 * day,
        delivered_at=NOW - 2 * day,
        items=dict.fromkeys("abc", 3),
    )
    return OrderSnapshot(
        ref=str(number),
        number=str(number),
        state=OrderState.DONE,
        status="completed",
        currency="EUR",
        placed_at=NOW - 6 * day,
        updated_at=NOW - 2 * day,
        paid_at=NOW - 6 * day,
        total=7_260,
        email=f"shopper{number}@shopper.example",
        country="LT",
        lines=lines,
        shipments=(parcel,),
        payments=(PaymentSnapshot("p", "card", 7_260, refundable=True),),
    )


def _place(services: Services, store: Store, count: int) -> list[int]:
    for first in range(1, count + 1, 200):
        page = [_snapshot(number) for number in range(first, min(first + 200, count + 1))]
        with services.db.transaction(store.id) as session:
            apply_orders(session, services, store, page, asked_at=NOW, now=NOW)
    with services.db.transaction(store.id, write=False) as session:
        return list(session.scalars(sa.select(Order.id).order_by(Order.id)))


def _next(services: Services, base: Base, ids: Iterator[int]) -> list[int]:
    """Give the orders of a round, PostgreSQL's statistics as fresh as its autovacuum keeps them in a store's life."""
    if base.engine == "PostgreSQL":
        fill.tidy(services)
    return list(islice(ids, RETURNS))


def _open(services: Services, store: Store, base: Base, ids: Iterator[int]) -> Sample:
    some = _next(services, base, ids)
    with measure.spending(os.getpid(), base.pid) as spent:
        for order_id in some:
            with services.db.transaction(store.id) as session:
                open_return(session, store, order_id, ReturnRequest((ASKED,)), SHOPPER, now=NOW)
    with services.db.transaction(store.id, write=False) as session:
        found = sa.select(sa.func.count()).select_from(Return).where(Return.order_id.in_(some))
        if session.execute(found).scalar_one() != len(some):
            raise RuntimeError("a return was lost")
    return {"CPU µs a return": spent.cpu / RETURNS * 1e6, "µs a return": spent.wall / RETURNS * 1e6}


def _floor(services: Services, store: Store, base: Base, ids: Iterator[int]) -> Sample:
    """The same rules on values made ready before, and the same rows by the raw driver, one transaction a return."""
    import psycopg

    some = _next(services, base, ids)
    with services.db.transaction(store.id, write=False) as session:
        order = session.get(Order, (store.id, some[0]))
        assert order is not None
        books, policy = read_balance(session, order), policy_versions.policy_of(session, store)
        facts = facts_of(session, store, books, policy, [ASKED], now=NOW)
    with psycopg.connect(base.libpq) as raw:
        raw.execute("set app.system = 'on'")
        raw.commit()
        with measure.spending(os.getpid(), base.pid) as spent:
            for order_id in some:
                _read(raw, store.id, order_id)
                answer = ask(policy, facts, NOW)
                worth = quote(books.bought, QuoteRequest({"a": 1})).total
                _write(raw, store.id, order_id, answer.answer, worth)
                raw.commit()
    return {"CPU µs a return": spent.cpu / RETURNS * 1e6, "µs a return": spent.wall / RETURNS * 1e6}


def _read(raw: Any, store_id: int, order_id: int) -> None:
    """Read what the rules need: the order, locked, its lines, parcels, and what was asked and paid before."""
    raw.execute("select * from orders where store_id = %s and id = %s for update", (store_id, order_id)).fetchone()
    for table in ("line_items", "shipments", "returns", "return_items", "reimbursements", "withdrawals"):
        raw.execute(f"select * from {table} where store_id = %s and order_id = %s", (store_id, order_id)).fetchall()
    raw.execute("select document from return_policies where store_id = %s order by version desc limit 1", (store_id,))


def _write(raw: Any, store_id: int, order_id: int, answer: str, worth: int) -> None:
    """Write the return, its item, the line of the timeline, the letter with its job, and the note to the platform."""
    id_ = new_id()
    number = raw.execute(
        "insert into counters (store_id, id, name, last) values (%s, %s, 'rma', 1001)"
        " on conflict (store_id, name) do update set last = counters.last + 1 returning last",
        (store_id, id_),
    ).fetchone()[0]
    rows: dict[str, dict[str, Any]] = {
        "returns": {
            **dict.fromkeys(("comment", "digest", "decided_by", "note", "approval_asked_by", "carrier"), ""),
            **dict.fromkeys(("tracking_number", "label_url"), ""),
            "id": id_,
            "rma": f"RMA-{number}",
            "kind": "return",
            "acceptance": "requested",
            "reception": "awaited",
            "reimbursement": "none",
            "status": "requested",
            "answer": answer,
            "objections": "[]",
            "rules": "[]",
            "fees": "[]",
            "policy_version": 2,
            "refund_when": "inspection",
            "label_paid_by": "store",
            "shipping": 0,
            "quoted": worth,
            "currency": "EUR",
            "gift": False,
            "opened_by": "shopper",
            "opened_at": NOW,
        },
        "return_items": {
            "id": new_id(),
            "return_id": id_,
            "line_ref": "a",
            "title": "Thing a",
            "quantity": 1,
            "reason": "too_small",
            "wish": "refund",
            "answers": "{}",
            "exchange_for": "",
            "grade": "",
            "note": "",
        },
        "order_events": {"id": new_id(), "at": NOW, "kind": "return_requested", "facts": "{}"},
        "notices": {
            "id": id_,
            "shipment_id": 0,
            "rule": "returns",
            "kind": "x",
            "occasion": str(id_),
            "state": "queued",
            **dict.fromkeys(("reason", "cause", "language", "subject", "message_id"), ""),
            "send_at": NOW,
            "created_at": NOW,
            "facts": "{}",
        },
    }
    for table, row in rows.items():
        given = {"store_id": store_id, "order_id": order_id, **row}
        names, marks = ", ".join(given), ", ".join(["%s"] * len(given))
        raw.execute(f"insert into {table} ({names}) values ({marks})", list(given.values()))
    for kind in ("letter", "note"):
        raw.execute(
            "insert into jobs (store_id, id, kind, key, payload, state, once, run_at, attempts, reason, created_at)"
            " values (%s, %s, %s, %s, %s, 'waiting', true, %s, 0, '', %s) on conflict do nothing",
            (store_id, new_id(), kind, f"{kind}:{id_}", json.dumps({"id": id_}), NOW, NOW),
        )
    raw.execute("update orders set return_open = true where store_id = %s and id = %s", (store_id, order_id))


def _sixteen(services: Services, store: Store, order_id: int) -> None:
    """Let sixteen ask for one of three at once: three get one."""
    got: list[bool] = []

    def one(which: int) -> None:
        request = ReturnRequest((replace(ASKED),), comment=str(which))
        try:
            with services.db.transaction(store.id) as session:
                open_return(session, store, order_id, request, SHOPPER, now=NOW)
            got.append(True)
        except ReturnNotAllowed:
            got.append(False)

    threads = [threading.Thread(target=one, args=(which,)) for which in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if (len(got), sum(got)) != (16, 3):
        raise RuntimeError(f"{sum(got)} of {len(got)} got one of three")
    print("16 parallel submits for a line of 3: 3 accepted, 13 told that none is left")


if __name__ == "__main__":
    main()
