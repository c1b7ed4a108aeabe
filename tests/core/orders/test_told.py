"""The timeline's sentences: one for what happened, silence where another line says it, nothing of what is staff's."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from core.i18n.words import Words, languages
from core.jobs.worker import Worker
from core.orders.model import OrderEvent
from core.orders.presenter.event_sentences import told_sentence
from core.platform.sample import World
from core.returns.mail import letters
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import grant
from tests.core.returns.seed import place

HAPPENED = (
    *("return_requested", "return_approved", "return_declined", "return_canceled", "return_sent", "return_received"),
    *("return_inspected", "issued_refund", "issued_store_credit", "issued_exchange", "issued_repair", "withdrawn"),
    *("withdrawal_acknowledged", "withdrawal_contested", "withdrawal_refused", "withdrawal_retracted"),
    *("cancel_requested", "told_withdrawal_receipt", "told_exchange_ready"),
)


@pytest.mark.parametrize("language", sorted(languages()))
def test_what_happened_is_said_in_every_language(language: str) -> None:
    words, english = Words(language), Words("en")
    for kind in HAPPENED:
        told = told_sentence(kind, words)
        assert told not in ("", kind), kind
        assert (told == told_sentence(kind, english)) == (language == "en"), kind


@pytest.mark.parametrize("kind", ["return_requested", "return_approved", "return_declined", "return_canceled"])
def test_a_cancellation_reads_otherwise_than_a_return(kind: str) -> None:
    words = Words("en")
    assert told_sentence(kind, words, {"kind": "cancel"}) != told_sentence(kind, words, {"kind": "return"})


def test_every_letter_about_returns_is_a_line_or_silence() -> None:
    for kind in letters.KINDS:
        assert told_sentence(f"told_{kind}", Words("en")) != f"told_{kind}", kind


def test_what_is_staff_s_reaches_no_shopper(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    order_id = place(services, store, world, worker)
    with services.db.transaction(store.id) as session:
        for kind in ("paid_otherwise", "issued_refund"):
            session.add(OrderEvent(order_id=order_id, at=services.clock(), kind=kind, facts={"paid": 4711}))
    token = grant(services.keyring, store.id, [order_id])
    seen = client.get(f"/shop/{store.key}/orders?lang=en", headers={"Authorization": f"Bearer {token}"}).get_json()
    (found,) = seen["orders"]
    assert [event["kind"] for event in found["order"]["events"]] == ["issued_refund"]
    assert [text for _, text in found["page"]["told"]] == ["Your refund was made"]
