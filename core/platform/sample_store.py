"""The sample store's data in one SQLite file, and what its merchant and shoppers do there; `sample.py` serves it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from core.platform import sample_payments as till
from core.platform.contract import Feature, Missing, Reimbursement, StoreFacts
from core.platform.snapshots import OrderSnapshot, OrderState, ReviewSnapshot, Variant

ORDERS = TypeAdapter(OrderSnapshot)
REVIEWS = TypeAdapter(ReviewSnapshot)
_WANTED = TypeAdapter(Reimbursement)


@dataclass(frozen=True, slots=True)
class ShelvedVariant:
    """A variant on sale, the ref of the product it is one of, and how many there are."""

    variant: Variant
    product: str
    stock: int


class World:
    """A store's own books: orders, reviews, notes. One file, safe for several processes."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        self._lock = threading.Lock()
        with self._open() as books:
            books.execute(
                "create table if not exists things"
                " (kind text, ref text, changed text, body text, primary key (kind, ref))"
            )

    def _open(self) -> sqlite3.Connection:
        books = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        books.execute("pragma synchronous=off")  # a sample store need not survive a power cut
        return books

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else in, of any thread or process, who also asks: for reading and then writing what was read.

        Not to be asked for twice by the same: it would wait for itself.
        """
        # A file of its own: what is read and written meanwhile takes connections of its own to the books.
        turn = sqlite3.connect(f"{self.path}.turn", timeout=60, isolation_level=None)
        try:
            turn.execute("begin immediate")
            yield
        finally:
            turn.close()

    def put(self, thing: OrderSnapshot | ReviewSnapshot) -> None:
        """Write an order or review as the store has it now."""
        kind, adapter = ("order", ORDERS) if isinstance(thing, OrderSnapshot) else ("review", REVIEWS)
        body = adapter.dump_json(thing).decode()  # type: ignore[arg-type]
        with self._lock, self._open() as books:
            row = (kind, thing.ref, thing.updated_at.astimezone(UTC).isoformat(), body)
            books.execute("insert or replace into things values (?, ?, ?, ?)", row)

    def remove(self, kind: str, ref: str) -> None:
        """Forget an order or review, as a store does that deletes for good."""
        with self._lock, self._open() as books:
            books.execute("delete from things where kind = ? and ref = ?", (kind, ref))

    def order(self, ref: str) -> OrderSnapshot | None:
        """Give an order as it is now."""
        body = self._body("order", ref)
        return ORDERS.validate_json(body) if body else None

    def review(self, ref: str) -> ReviewSnapshot | None:
        """Give a review as it is now."""
        body = self._body("review", ref)
        return REVIEWS.validate_json(body) if body else None

    def _body(self, kind: str, ref: str) -> str | None:
        with self._open() as books:
            row = books.execute("select body from things where kind = ? and ref = ?", (kind, ref)).fetchone()
        return row[0] if row else None

    def shelve(
        self,
        variant: str,
        price: int,
        *,
        product: str = "",
        title: str = "",
        stock: int = 100,
        currency: str = "EUR",
        image_url: str = "",
    ) -> None:
        """Put a variant on sale, at a price for one, taxes included, in minor units."""
        said = {"price": price, "product": product, "title": title or variant, "stock": stock}
        self.note("variant", variant, {**said, "currency": currency, "image_url": image_url})

    def take_from_shelf(self, variant: str, count: int) -> None:
        """Take some of a variant's stock out; what is not on the shelf needs no taking."""
        body = json.loads(self._body("variant", variant) or "null")
        if body:
            self.note("variant", variant, {**body, "stock": max(0, body["stock"] - count)})

    def shelf(self) -> dict[str, ShelvedVariant]:
        """Give every variant on sale by its ref, in the order in which they were put there."""
        with self._open() as books:
            query = "select ref, body from things where kind = 'variant' order by changed, ref"
            rows = [(ref, json.loads(body)) for ref, body in books.execute(query).fetchall()]
        return {
            ref: ShelvedVariant(
                Variant(
                    ref,
                    body["title"],
                    body["price"],
                    body["currency"],
                    in_stock=body["stock"] > 0,
                    image_url=body["image_url"],
                ),
                body["product"],
                body["stock"],
            )
            for ref, body in rows
        }

    def hold(self, wanted: Reimbursement, ref: str) -> None:
        """Keep an exchange until the shopper has paid for the order `ref` that is to go out."""
        self.note("exchange", wanted.key, {"wanted": _WANTED.dump_python(wanted, mode="json"), "order": ref})

    def held(self, key: str) -> tuple[Reimbursement, str] | None:
        """Give the exchange that was asked for with this key, and the ref of the order that is to go out."""
        body = json.loads(self._body("exchange", key) or "null")
        return (_WANTED.validate_python(body["wanted"]), body["order"]) if body else None

    def pay(self, key: str, now: datetime) -> None:
        """Let the shopper pay what an exchange left open; only then what came back is spent."""
        held = self.held(key)
        if held is None:
            return
        wanted, ref = held
        with self.alone():
            instead, order = self.order(ref), self.order(wanted.order_ref)
            if instead and order and instead.state is OrderState.UNPAID:
                self.put(till.pay(instead, now))
                self.put(till.take_back(order, wanted, ref, now, flows=0))

    def credit(self, code: str) -> Mapping[str, Any] | None:
        """Give a store credit by its code: {left, currency}."""
        body = self._body("credit", code)
        return json.loads(body) if body else None

    @property
    def door(self) -> str:
        """How the store answers: "open", "away" (try again) or "locked" (it took our keys back)."""
        return self._body("door", "") or "open"

    @door.setter
    def door(self, state: str) -> None:
        with self._lock, self._open() as books:
            books.execute("insert or replace into things values ('door', '', '', ?)", (state,))

    def install_app(self) -> None:
        """Give the app its keys: it is in the books from now on, and each time is counted."""
        self.door = "open"
        self.note("app", "", {"installed": True})
        self.note("installation", str(self.count("installation") + 1), {})

    def remove_app(self) -> None:
        """Take the app out of the store: its keys open nothing any more."""
        self.door = "locked"
        self.note("app", "", {"installed": False})

    @property
    def has_app(self) -> bool:
        """Whether the books say that the app is installed."""
        return bool(json.loads(self._body("app", "") or "{}").get("installed"))

    @property
    def manners(self) -> Mapping[str, Any]:
        """What the store does otherwise than usual, as `play` set it."""
        return dict(json.loads(self._body("manners", "") or "{}"))

    @property
    def facts(self) -> StoreFacts:
        """What it says of itself."""
        names = {fact.name for fact in fields(StoreFacts)}
        return StoreFacts(**{name: said for name, said in self.manners.items() if name in names})

    @property
    def missing(self) -> dict[Feature, Missing]:
        """What it lacks of what sample stores can do."""
        return {Feature(name): Missing(**one) for name, one in self.manners.get("missing", {}).items()}

    def play(self, **manners: Any) -> None:
        """Do something otherwise from now on, beside what was set before.

        A fact of `describe` by its name; `missing`, {feature: fields of Missing}; `cancel` "pending" or "needs_staff";
        `credit` "account"; `exchange` "same_order"; `shifts`, minor units that it books on another line than asked.
        """
        self.note("manners", "", {**self.manners, **manners})

    def changed_since(self, kind: str, moment: str, after: str, limit: int) -> list[tuple[str, str, str]]:
        """List (changed, ref, body) at or after a moment, from behind `after` within it; oldest first."""
        query = (
            "select changed, ref, body from things where kind = ? and (changed, ref) > (?, ?)"
            " order by changed, ref limit ?"
        )
        with self._open() as books:
            return books.execute(query, (kind, moment, after, limit)).fetchall()

    def count(self, kind: str) -> int:
        """Count what the store has of a kind."""
        with self._open() as books:
            return int(books.execute("select count(*) from things where kind = ?", (kind,)).fetchone()[0])

    def note(self, kind: str, ref: str, body: Mapping[str, Any]) -> None:
        """Keep a note of some kind under a ref of its own."""
        with self._lock, self._open() as books:
            row = (kind, ref, datetime.now(UTC).isoformat(), json.dumps(body))
            books.execute("insert or replace into things values (?, ?, ?, ?)", row)
