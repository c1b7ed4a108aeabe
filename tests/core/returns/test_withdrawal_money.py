"""What a withdrawal pays: the cheapest standard delivery, less what the goods lost in value; who pays the way back."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.db.base import SYSTEM
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.platform.sample import World
from core.platform.snapshots import LineItemSnapshot, PaymentSnapshot
from core.returns.law.delivery_cost import delivery_cost_due, standard_price
from core.returns.model import ReturnPhoto, Withdrawal
from core.services import Services
from core.stores.model import AuditEntry, Store
from core.stores.tokens import tracking_token
from tests.conftest import Clock
from tests.core.desk.returns_scene import fields, path, said, seat
from tests.core.returns.seed import ACCEPTS, LAMP, MUGS, at, bought, place, set_policy, set_return_settings, the_money
from tests.core.returns.visit import Visit, picture
from tests.core.two_stores import Outbox

EXPRESS: dict[str, Any] = {
    "lines": (MUGS, LAMP, LineItemSnapshot("s1", "Express", 1, total=1290, kind="shipping")),
    "total": 7290,
    "payments": (PaymentSnapshot("pay1", "card", 7290, refundable=True, methods=("refund",)),),
}
"""The order, sent by express for 12.90 where standard delivery would have cost 4.90."""


@pytest.fixture
def services(services: Services) -> Services:
    return replace(services, mail=Outbox())


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    set_policy(services, store, **ACCEPTS)
    return Visit(client, services, store, place(services, store, world, worker, bought(**EXPRESS)))


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "owner", "max")


def withdraw(visit: Visit, worker: Worker, *lines: dict[str, Any]) -> int:
    asked = {"order": str(visit.order_id), "name": "Ann", **({"lines": list(lines)} if lines else {})}
    started = visit.see("withdrawals", asked)
    visit.see(f"withdrawals/{started['id']}/confirm", {})
    worker.run_until_idle()
    return int(started["id"])


def row_of(visit: Visit, id_: int) -> Withdrawal:
    with at(visit.services, visit.store) as session:
        return session.get_one(Withdrawal, (visit.store.id, id_))


def entries(visit: Visit, *verbs: str) -> list[tuple[str, str, Any]]:
    with at(visit.services, visit.store) as session:
        found = session.scalars(sa.select(AuditEntry).where(AuditEntry.what.in_(verbs)).order_by(AuditEntry.seq))
        return [(one.what, one.subject, one.facts) for one in found]


def deduct(client: FlaskClient, store: Store, id_: int, amount: str, reason: str, *photos: bytes) -> TestResponse:
    files = [(BytesIO(photo), f"{n}.png") for n, photo in enumerate(photos)]
    data = {"amount": amount, "reason": reason, "photos": files}
    return client.post(path(store, f"withdrawals/{id_}/lost-value"), data=data, content_type="multipart/form-data")


@pytest.mark.parametrize(
    ("paid", "refunded", "standard", "due"),
    [
        (1290, 0, 490, 490),
        (490, 0, 1290, 490),
        (1290, 0, 0, 0),
        (1290, 0, None, 1290),
        (1290, 300, 490, 190),
        (1290, 800, 490, 0),
        (0, 0, 490, 0),
    ],
)
def test_the_cheapest_standard_delivery_comes_back_or_all_where_its_price_is_not_known(
    paid: int, refunded: int, standard: int | None, due: int
) -> None:
    assert delivery_cost_due(paid, refunded, standard) == due


def test_a_country_s_own_price_goes_before_that_of_all_others() -> None:
    assert standard_price({"DE": 490, "*": 990}, "DE") == 490
    assert standard_price({"DE": 490, "*": 990}, "FR") == 990
    assert standard_price({"DE": 490}, "FR") is None


def test_the_express_surplus_stays_with_the_store(
    visit: Visit, worker: Worker, services: Services, store: Store, max_: FlaskClient
) -> None:
    set_return_settings(services, store, standard_delivery={"LT": 490})
    id_ = withdraw(visit, worker)
    page = said(max_.get(path(store, f"withdrawals/{id_}")))
    assert "Shipping The cheapest standard delivery: what a faster one cost more stays with the store. €4.90" in page
    max_.post(path(store, f"withdrawals/{id_}/back"))
    [money] = the_money(services, store)
    assert (money.amount, [part["net"] for part in money.lines if part["ref"] == "s1"]) == (6490, [490])


def test_where_no_price_is_known_all_comes_back_and_a_person_may_say_less(
    visit: Visit, worker: Worker, services: Services, store: Store, max_: FlaskClient
) -> None:
    set_return_settings(services, store, standard_delivery={"DE": 490})
    id_ = withdraw(visit, worker)
    mine = path(store, f"withdrawals/{id_}")
    page = said(max_.get(mine))
    assert "we do not know what your cheapest standard delivery would have cost" in page
    assert "€72.90" in page
    assert max_.post(f"{mine}/delivery-cost", data={"amount": "4.90", "reason": " "}).status_code == 422
    assert max_.post(f"{mine}/delivery-cost", data={"amount": "12.91", "reason": "x"}).status_code == 422
    assert max_.post(f"{mine}/delivery-cost", data={"amount": "4.90", "reason": "Express"}).status_code == 302
    assert entries(visit, "set_delivery_cost") == [("set_delivery_cost", "withdrawal:WD-1001", {"amount": 490})]
    assert "Express" in said(max_.get(mine)), "the reason is in the history"
    max_.post(f"{mine}/back")
    assert [row.amount for row in the_money(services, store)] == [6490]
    assert max_.post(f"{mine}/delivery-cost", data={"amount": "0", "reason": "x"}).status_code == 409


def test_what_was_refunded_of_the_shipping_before_counts_towards_the_standard_delivery(
    visit: Visit, worker: Worker, services: Services, store: Store, max_: FlaskClient
) -> None:
    set_return_settings(services, store, standard_delivery={"*": 490})
    first = withdraw(visit, worker, {"ref": "l1", "quantity": 3})
    mine = path(store, f"withdrawals/{first}")
    assert "Only a part goes back: the delivery cost stays with you." in said(max_.get(mine))
    max_.post(f"{mine}/delivery-cost", data={"amount": "3", "reason": "Goodwill"})
    max_.post(f"{mine}/back")
    worker.run_until_idle()
    second = withdraw(visit, worker)
    max_.post(path(store, f"withdrawals/{second}/back"))
    assert [row.amount for row in the_money(services, store)] == [1300, 5190]


def test_lost_value_is_deducted_with_reason_and_photos_and_the_letter_says_it(
    visit: Visit, worker: Worker, services: Services, store: Store, max_: FlaskClient, world: World
) -> None:
    set_return_settings(services, store, tells_of_lost_value=True)
    id_ = withdraw(visit, worker)
    mine = path(store, f"withdrawals/{id_}")
    assert "The goods are back and have lost value" in said(max_.get(mine))
    assert deduct(max_, store, id_, "12.50", "The lamp has scratches.", picture(), picture("blue")).status_code == 302
    assert entries(visit, "deduct_lost_value") == [("deduct_lost_value", "withdrawal:WD-1001", {"amount": 1250})]
    row = row_of(visit, id_)
    assert (row.goods_back_at is not None, the_money(services, store)) == (True, []), "noted as back, not paid yet"
    page = max_.get(mine)
    assert "Kept for lost value: €12.50. The lamp has scratches." in said(page)
    photo = page.text.partition(f"{mine}/photos/")[2].partition('"')[0]
    assert max_.get(f"{mine}/photos/{photo}").mimetype == "image/jpeg"
    max_.post(f"{mine}/pay")
    worker.run_until_idle()
    [money] = the_money(services, store)
    assert (money.amount, money.state) == (6040, "issued")
    letter = services.mail.sent[-1]  # type: ignore[attr-defined]
    assert "kept €12.50 because the things lost value by more handling than testing them needs" in letter
    assert "The lamp has scratches." in letter
    link = re.search(rf"/t/[\w.~-]+/withdraw/{id_}", letter)
    assert link, "where the photos are"
    shown = visit.client.get(link[0]).text
    assert "The lamp has scratches." in shown
    urls = [part.partition('"')[0] for part in shown.split('<img src="')[1:]]
    assert [visit.client.get(url).mimetype for url in urls] == ["image/jpeg"] * 2
    assert visit.see(f"withdrawals/{id_}")["photos"] == [], "who may only look gets no photos in JSON"
    assert len(visit.act(f"withdrawals/{id_}")["photos"]) == 2


def test_nothing_is_deducted_without_reason_photo_amount_or_where_the_store_does_not_inform(
    visit: Visit, worker: Worker, services: Services, store: Store, max_: FlaskClient
) -> None:
    id_ = withdraw(visit, worker)
    refused = deduct(max_, store, id_, "12.50", "Scratches", picture())
    assert refused.status_code == 409
    assert "do not say that your shop tells shoppers of this" in said(refused)
    assert "have lost value" not in said(max_.get(path(store, f"withdrawals/{id_}")))
    set_return_settings(services, store, tells_of_lost_value=True)
    assert deduct(max_, store, id_, "12.50", " ", picture()).status_code == 422
    assert deduct(max_, store, id_, "12.50", "Scratches").status_code == 422
    assert "between one photo and 5" in said(deduct(max_, store, id_, "12.50", "Scratches"))
    assert deduct(max_, store, id_, "12.50", "Scratches", b"no picture").status_code == 422
    assert deduct(max_, store, id_, "0", "Scratches", picture()).status_code == 422
    assert deduct(max_, store, id_, "60.01", "Scratches", picture()).status_code == 422, "more than the goods' worth"
    set_policy(services, store, **ACCEPTS, informed=False)
    assert deduct(max_, store, id_, "12.50", "Scratches", picture()).status_code == 409, "nor told of the right"
    row = row_of(visit, id_)
    assert (row.lost_value, row.goods_back_at) == (0, None)
    viewer = seat(services, store, "viewer", "vera")
    assert deduct(viewer, store, id_, "12.50", "Scratches", picture()).status_code == 403


def test_once_the_money_is_promised_nothing_is_deducted(
    visit: Visit, worker: Worker, services: Services, store: Store, max_: FlaskClient
) -> None:
    set_return_settings(services, store, tells_of_lost_value=True)
    id_ = withdraw(visit, worker)
    max_.post(path(store, f"withdrawals/{id_}/back"))
    assert deduct(max_, store, id_, "12.50", "Scratches", picture()).status_code == 409
    assert row_of(visit, id_).lost_value == 0


def test_photos_of_a_withdrawal_are_kept_and_go_with_the_shopper_s_data(
    visit: Visit, worker: Worker, services: Services, store: Store, max_: FlaskClient, clock: Clock
) -> None:
    set_return_settings(services, store, tells_of_lost_value=True)
    id_ = withdraw(visit, worker)
    deduct(max_, store, id_, "1", "First", picture())
    deduct(max_, store, id_, "2", "Again", picture("blue"))
    clock.forward(days=3)
    with services.db.system(Purpose.INSPECT) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.forget_photos", "forget"), now=clock())
    worker.run_until_idle()
    with at(services, store) as session:
        assert len(list(session.scalars(sa.select(ReturnPhoto)))) == 1, "the second time's, which replaced the first"
    assert row_of(visit, id_).lost_value_reason == "Again"


@pytest.mark.parametrize(
    ("postage", "sentence"),
    [
        ("", "You pay for the way back only if the store told you so before you ordered."),
        ("store", "The store pays for the way back."),
        ("shopper", "You pay for the way back."),
    ],
)
def test_the_receipt_says_who_pays_the_postage(
    visit: Visit, worker: Worker, services: Services, store: Store, postage: str, sentence: str
) -> None:
    set_return_settings(services, store, withdrawal_postage=postage)
    id_ = withdraw(visit, worker)
    assert visit.see(f"withdrawals/{id_}")["postage_sentence"] == sentence
    assert sentence in services.mail.sent[-1].replace("\n", " ")  # type: ignore[attr-defined]
    link = f"/t/{tracking_token(services.keyring, store.id, visit.order_id, 1)}/withdraw/{id_}"
    assert sentence in visit.client.get(link).text
    visit.see(f"withdrawals/{id_}/sent", {"tracking_number": "RR1LT"})
    assert visit.see(f"withdrawals/{id_}")["postage_sentence"] == ""


def test_the_settings_take_the_price_of_standard_delivery_by_country(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    page = path(store, "returns/settings")
    typed = fields(max_.get(page).text)
    sent = typed | {"standard_delivery": "LT | 4,90\nel | 9\n* | 12.90", "withdrawal_postage": "shopper"}
    assert max_.post(page, data=sent).status_code == 302
    again = fields(max_.get(page).text)
    assert sorted(again["standard_delivery"].splitlines()) == ["* | 12.90", "GR | 9.00", "LT | 4.90"]
    assert (again["withdrawal_postage"], "tells_of_lost_value" in again) == ("shopper", False)
    refused = max_.post(page, data=again | {"standard_delivery": "Germany | 4.90"})
    assert (refused.status_code, "needs two parts" in said(refused)) == (422, True)
