"""A shopper's message from the widget becomes a case, once, and is answered by a day that is named."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from core.conversations.model import Case, Message
from core.jobs.worker import Worker
from core.orders.model import OrderEvent
from core.platform.sample import World
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.returns.seed import place
from tests.core.returns.visit import Visit, error_of
from tests.core.shipping.seed import rows


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    return Visit(client, services, store, place(services, store, world, worker))


def write(visit: Visit, text: str, topic: str = "talk") -> dict[str, str]:
    told: dict[str, str] = visit.see("messages", {"order": str(visit.order_id), "text": text, "topic": topic})
    return told


def test_a_message_is_a_case_and_says_when_it_is_answered(visit: Visit, clock: Clock) -> None:
    told = write(visit, "Is it dishwasher-proof?")
    assert told == {"answer_by": "2026-11-19T12:00:00Z", "sentence": "We answer by Thu 19 Nov, 14:00, by e-mail."}
    (case,) = rows(visit.services, visit.store, Case)
    (message,) = rows(visit.services, visit.store, Message)
    assert (case.kind, case.subject, message.side, message.text) == (
        "talk", "Is it dishwasher-proof?", "shopper", "Is it dishwasher-proof?",
    )  # fmt: skip
    clock.forward(hours=3)
    assert write(visit, "And oven-proof?")["answer_by"] == told["answer_by"], "the promise stands"
    assert len(rows(visit.services, visit.store, Case)) == 1
    assert [event.kind for event in rows(visit.services, visit.store, OrderEvent)] == ["replied", "replied"]


def test_a_double_click_is_one_message(visit: Visit) -> None:
    assert write(visit, "Hello?") == write(visit, "Hello?")
    assert len(rows(visit.services, visit.store, Message)) == 1
    assert len(rows(visit.services, visit.store, OrderEvent)) == 1


def test_a_parcel_that_did_not_come_stands_in_the_timeline(visit: Visit) -> None:
    write(visit, "It says delivered.", "not_received")
    assert [case.kind for case in rows(visit.services, visit.store, Case)] == ["not_received"]
    assert [event.kind for event in rows(visit.services, visit.store, OrderEvent)] == ["answered_not_yet"]


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": "  "}, {"text": "x" * 4001}, {"text": ["x"]}, {"text": "x", "topic": "gold"}],
)
def test_nonsense_opens_no_case(visit: Visit, body: dict[str, object]) -> None:
    assert error_of(visit.ask("messages", {"order": str(visit.order_id)} | body)) == (400, "invalid")
    assert rows(visit.services, visit.store, Case) == []


def test_ten_messages_in_a_quarter_of_an_hour_are_enough(visit: Visit) -> None:
    answers = [visit.ask("messages", {"order": str(visit.order_id), "text": f"{n}"}).status_code for n in range(11)]
    assert answers == [201] * 10 + [429]
