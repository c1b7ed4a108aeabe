"""What the widget's own tests read is what this server answers: widget/test/examples/ holds real answers.

`UPDATE_EXAMPLES=1 pytest tests/core/test_widget_examples.py` writes them anew.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from core import money
from core.i18n.widget_catalogs import WIDGET
from core.i18n.words import Words, languages
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.sample import World
from core.platform.snapshots import (
    LineItemSnapshot,
    PaymentSnapshot,
    ReplySnapshot,
    ReviewSnapshot,
    TrackingStatus,
)
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import shopper_token
from tests.conftest import Clock
from tests.core.shipping.seed import apply, on_sqlite, order, parcel, revised, rows, sending, set_terms
from tests.core.two_stores import Outbox

FOLDER = WIDGET / "test" / "examples"
CURRENCIES = "EUR USD JPY KWD IQD LAK VND CLF ISK UGX HUF".split()
COUNTS = (0, 1, 2, 3, 5, 10, 11, 21, 22, 99, 100, 101, 111)


def keep(name: str, answer: Any) -> None:
    """Hold an answer against the example of that name; write it where the environment asks for it."""
    path = FOLDER / f"{name}.json"
    text = settled(json.dumps(answer, ensure_ascii=False, indent=1)) + "\n"
    if os.environ.get("UPDATE_EXAMPLES"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, f"{name}: run again with UPDATE_EXAMPLES=1, then the widget's tests"


def settled(text: str) -> str:
    """Put names in place of what differs from run to run: tokens, digests, and our ids in order of appearance."""
    text = re.sub(r"(\.eJ|eyJ)[\w.~-]+", "token", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "digest", text)
    ids: dict[str, str] = {}
    return re.sub(r'(?<=")\d{15,19}(?=")', lambda found: ids.setdefault(found[0], str(len(ids) + 1)), text)


class Shopper:
    """Ann at the counter of a store, with a token of some level for her one order."""

    def __init__(self, client: FlaskClient, services: Services, store: Store, language: str = "en") -> None:
        self.client, self.services, self.store, self.language = client, services, store, language
        self.order = rows(services, store, Order)[0]
        self.token = shopper_token(services.keyring, store.id, [self.order.id], level="act")

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask as the widget does."""
        url = f"/shop/{self.store.key}/{path}{'&' if '?' in path else '?'}lang={self.language}"
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is None:
            return self.client.get(url, headers=headers).get_json()
        return self.client.post(url, json=body, headers=headers).get_json()


@pytest.fixture
def services(services: Services) -> Services:
    """The usual services, with a mail server that takes everything."""
    return replace(services, mail=Outbox())


@pytest.fixture
def late(client: FlaskClient, services: Services, store: Store, worker: Worker) -> Shopper:
    """Ann's parcel is late, and she was told."""
    set_terms(services, store, sending())
    apply(services, store, order("42", revised(items={"1": 2})))
    worker.run_until_idle()
    return Shopper(client, services, store)


@pytest.fixture
def arrived(client: FlaskClient, services: Services, store: Store, worker: Worker, clock: Clock) -> Shopper:
    """Ann has her mugs and her pot."""
    lines = (
        LineItemSnapshot("1", "Mug", 2, 3700, variant="moss"),
        LineItemSnapshot("2", "Pot", 1, 4900),
    )
    there = parcel(status=TrackingStatus.DELIVERED, delivered_at=clock.now, items={"1": 2, "2": 1})
    paid = (PaymentSnapshot("p1", "card", 8600, refundable=True, methods=("refund",)),)
    apply(services, store, order("42", there, lines=lines, total=8600, tax_included=True, payments=paid))
    worker.run_until_idle()
    clock.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    return Shopper(client, services, store)


@on_sqlite
def test_an_order_is_found_and_read(late: Shopper) -> None:
    keep("found", late.ask("find", {"number": "LIN-42", "proof": "ann@shopper.example"}))
    keep("not_found", late.ask("find", {"number": "LIN-42", "proof": "eve@elsewhere.example"}))
    keep("orders", late.ask("orders"))


@on_sqlite
def test_a_choice_is_explained_and_made(late: Shopper) -> None:
    answer = late.ask("find", {"number": "LIN-42", "proof": "ann@shopper.example"})["page"]["choices"][0][1]
    keep("choice", late.ask("answers", {"answer": answer}))


@on_sqlite
def test_a_message_is_answered_with_a_time(late: Shopper) -> None:
    keep("message", late.ask("messages", {"order": str(late.order.id), "text": "Where is it?", "topic": "talk"}))


@on_sqlite
def test_answered_reviews_are_read_by_anybody(
    client: FlaskClient, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    for number, (rating, words) in enumerate([(5, "It keeps the tea warm."), (2, "وصل متأخرًا\nولكنه جميل.")]):
        asked = clock.now - timedelta(days=9 + number)
        replies = (ReplySnapshot(f"{number}/1", "Thank you for telling us.", "", asked + timedelta(days=2)),)
        said = ReviewSnapshot(f"r{number}", rating, words, asked, asked, product_ref="mug", replies=replies)
        world.put(replace(said, author="Ann Berg", title="Mug" if number else "", verified=not number))
    worker.run_until_idle()
    keep("replies", client.get(f"/shop/{store.key}/replies?product=mug&page=1&lang=en").get_json())


@on_sqlite
def test_a_gift_and_a_warranty_claim_are_asked_for(arrived: Shopper) -> None:
    about = f"returns/options?order={arrived.order.id}"
    keep("options_gift", arrived.ask(f"{about}&gift=true"))
    keep("options_warranty", arrived.ask(f"{about}&kind=warranty"))


@on_sqlite
def test_a_return_is_weighed_opened_and_followed(arrived: Shopper) -> None:
    about = str(arrived.order.id)
    options = arrived.ask(f"returns/options?order={about}")
    keep("options", options)
    line = {"ref": "1", "quantity": 1, "reason": "changed_mind", "wish": "refund", "answers": {}}
    asked = {"order": about, "lines": [line], "photos": []}
    keep("quote", arrived.ask("returns/quote", asked))
    keep("return", arrived.ask("returns", asked))
    arrived.token = shopper_token(arrived.services.keyring, arrived.store.id, [arrived.order.id])
    keep("step_up", arrived.ask("returns", asked))


@on_sqlite
def test_an_exchange_is_chosen_with_its_difference(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    for name, price, stock in (("moss", 1850, 4), ("ink, large", 2250, 2), ("sand", 1650, 0)):
        world.shelve(f"mug-{name}", price, product="mug", title=name, stock=stock)
    lines = (LineItemSnapshot("1", "Mug", 2, 3700, variant="moss", product_ref="mug"),)
    there = parcel(status=TrackingStatus.DELIVERED, delivered_at=clock.now, items={"1": 2})
    paid = (PaymentSnapshot("p1", "card", 3700, refundable=True, methods=("refund",)),)
    apply(services, store, order("42", there, lines=lines, total=3700, tax_included=True, payments=paid))
    worker.run_until_idle()
    clock.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    ann = Shopper(client, services, store)
    about = str(ann.order.id)
    keep("options_exchange", ann.ask(f"returns/options?order={about}"))
    told = ann.ask(f"returns/variants?order={about}&line=1")
    keep("variants", told)
    line = {"ref": "1", "quantity": 1, "reason": "changed_mind", "wish": "exchange", "answers": {}}
    asked = {"order": about, "lines": [line | {"exchange_offer": told["variants"][1]["offer"]}], "photos": []}
    keep("quote_exchange", ann.ask("returns/quote", asked))
    keep("return_exchange", ann.ask("returns", asked))


@on_sqlite
def test_a_withdrawal_is_started_and_declared(arrived: Shopper) -> None:
    lines = [{"ref": "2", "quantity": 1}]
    started = arrived.ask("withdrawals", {"order": str(arrived.order.id), "lines": lines, "name": "Ann Berg"})
    keep("withdrawal_started", started)
    keep("withdrawal_declared", arrived.ask(f"withdrawals/{started['id']}/confirm", {}))


def test_minor_units_are_the_widgets_too() -> None:
    amounts = [
        {"minor": 123456, "currency": code, "decimal": str(money.to_decimal(123456, code))} for code in CURRENCIES
    ]
    keep("money", amounts)


def test_every_language_counts_as_the_server_does() -> None:
    def counted(code: str) -> dict[int, str]:
        return {n: Words(code).ngettext("Add %(n)s photo", "Add %(n)s photos", n, "widget") for n in COUNTS}

    keep("counted", {code: counted(code) for code in languages()})


def test_the_examples_are_all_written_here() -> None:
    names = set(re.findall(r'keep\("(\w+)"', Path(__file__).read_text("utf-8")))
    assert {path.stem for path in FOLDER.glob("*.json")} == names
