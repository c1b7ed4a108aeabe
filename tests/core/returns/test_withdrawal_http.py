"""The legal withdrawal over HTTP: two steps and a receipt, by the widget's JSON and by pages without script."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.i18n.words import languages
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.sample import World
from core.platform.snapshots import OrderState
from core.returns.model import Withdrawal
from core.returns.presenter.withdrawal_view import masked
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import tracking_token
from tests.conftest import Clock, connect
from tests.core.returns.seed import ACCEPTS, at, bought, letters, place, set_policy, set_return_settings
from tests.core.returns.visit import Visit, error_of
from tests.core.samples import ANN

EXEMPT = {"goods": [{"skus": ["LAMP"], "exemption": "c"}]}


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    set_policy(services, store, **ACCEPTS)
    return Visit(client, services, store, place(services, store, world, worker))


def link(visit: Visit, more: str = "") -> str:
    return f"/t/{tracking_token(visit.services.keyring, visit.store.id, visit.order_id, 1)}{more}"


def withdrawals(visit: Visit) -> list[Withdrawal]:
    with at(visit.services, visit.store) as session:
        return list(session.scalars(sa.select(Withdrawal).order_by(Withdrawal.id)))


# The widget's.


def test_a_guest_withdraws_in_two_steps_and_has_a_receipt(visit: Visit) -> None:
    order = str(visit.order_id)
    right = visit.see(f"returns/options?order={order}")["withdrawal"]
    assert (right["available"], right["until"]) == (True, "2026-11-30")
    started = visit.see("withdrawals", {"order": order, "lines": [{"ref": "l1", "quantity": 2}], "name": "Ann B."})
    assert (started["number"], started["state"], started["receipt"]) == ("WD-1001", "started", None)
    assert "2 × Mug\nName: Ann B.\n" in started["statement"]
    assert visit.see(f"returns/options?order={order}")["withdrawals"] == [], "nothing is declared yet"
    assert [row.declared_at for row in withdrawals(visit)] == [None]
    declared = visit.see(f"withdrawals/{started['id']}/confirm", {})
    assert (declared["state"], declared["mailed_to"]) == ("declared", "a•••@s•••.example")
    assert (
        declared["receipt"]["text"] == started["statement"] + "Declared: 2026-11-18 14:00:00 +0200 (Europe/Vilnius)\n"
    )
    digest = hashlib.sha256(declared["receipt"]["text"].encode()).hexdigest()
    assert declared["receipt"]["hash"] == digest
    assert (declared["refund_due"], declared["send_back_by"]) == ("2026-12-02", "2026-12-02")
    assert visit.see(f"withdrawals/{started['id']}/confirm", {}) == declared
    checked = visit.client.post(f"/shop/{visit.store.key}/receipts/check", json={"hash": digest.upper()})
    assert checked.get_json() == {"known": True, "declared_at": declared["declared_at"]}
    unknown = visit.client.post(f"/shop/{visit.store.key}/receipts/check", json={"hash": "0" * 64})
    assert unknown.get_json() == {"known": False, "declared_at": None}
    assert letters(visit.services, visit.store) == [("withdrawal_receipt", "queued")]
    assert visit.see(f"withdrawals/{started['id']}") == declared
    assert visit.see(f"returns/options?order={order}")["lines"][0]["left"] == 1


def test_no_lines_mean_everything_that_is_not_exempt_and_the_ground_is_named(visit: Visit) -> None:
    set_policy(visit.services, visit.store, **ACCEPTS | EXEMPT)
    order = str(visit.order_id)
    lamp = visit.see(f"returns/options?order={order}")["lines"][1]["withdrawal"]
    assert (lamp["open"], lamp["exempt"]) == (True, True)
    assert "Made to your specifications or clearly personalized" in lamp["sentence"]
    assert "2011/83" not in lamp["sentence"], "a directive binds states; a shopper relies on the country's own act"
    assert [line["ref"] for line in visit.see("withdrawals", {"order": order})["lines"]] == ["l1"]
    both = visit.see("withdrawals", {"order": order, "lines": [{"ref": "l2", "quantity": 1}]})
    assert "Made to your specifications" in both["lines"][0]["exempt"]


def test_more_than_is_left_is_refused_with_a_sentence(visit: Visit) -> None:
    body = {"order": str(visit.order_id), "lines": [{"ref": "l2", "quantity": 2}]}
    assert error_of(visit.ask("withdrawals", body)) == (409, "nothing_to_withdraw")


def test_after_the_period_its_last_day_is_said(visit: Visit, clock: Clock) -> None:
    clock.forward(days=13)
    right = visit.see(f"returns/options?order={visit.order_id}")["withdrawal"]
    assert (right["available"], right["late"]) == (False, True)
    assert right["sentence"] == "The legal period to withdraw from the contract ended on Mon 30 Nov."


def test_where_no_law_grants_it_nothing_is_offered(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = Visit(client, services, store, place(services, store, world, worker, bought(country="US")))
    options = visit.see(f"returns/options?order={visit.order_id}")
    assert (options["withdrawal"]["available"], options["withdrawal"]["sentence"]) == (False, "")
    assert {line["withdrawal"] for line in options["lines"]} == {None}
    assert error_of(visit.ask("withdrawals", {"order": str(visit.order_id)})) == (409, "no_such_right")
    assert link(visit, "/withdraw") not in client.get(link(visit)).text


def test_a_withdrawal_is_open_to_its_own_order_s_tokens_only(visit: Visit) -> None:
    started = visit.see("withdrawals", {"order": str(visit.order_id)})
    eve = Visit(visit.client, visit.services, visit.store, 7)
    for id_ in (started["id"], "7", "x", "9" * 19):
        answers = [eve.ask(f"withdrawals/{id_}"), eve.ask(f"withdrawals/{id_}/confirm", {})]
        assert {error_of(answer) for answer in answers} == {(404, "withdrawal_not_found")}
    assert [row.declared_at for row in withdrawals(visit)] == [None]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ann@shopper.example", "a•••@s•••.example"),
        ("x@y", "x•••@y•••.y"),
        ("nobody", ""),
        ("", ""),
        ("@x.y", ""),
        ("a@.", ""),
        ("a@b.", "a•••@b•••.b"),
        ("a@ .", ""),
    ],
)
def test_an_address_is_shown_to_its_owner_only(address: str, told: str) -> None:
    assert masked(address) == told


# Without script.


def form_of(page: TestResponse) -> tuple[str, dict[str, str]]:
    """Give the hidden fields of the page's form, as a browser would send them."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', page.text))
    return page.request.path, fields


def test_without_script_it_takes_two_forms_and_shows_the_receipt(visit: Visit) -> None:
    client = visit.client
    assert link(visit, "/withdraw") in client.get(link(visit)).text
    asked = client.get(link(visit, "/withdraw"))
    assert asked.status_code == 200
    assert 'name="units.l1"' in asked.text
    started = client.post(link(visit, "/withdraw"), data={"units.l1": "3", "units.l2": "0", "name": "Ann"})
    assert started.status_code == 303
    page = client.get(started.location)
    assert "3 × Mug" in page.text
    assert [row.declared_at for row in withdrawals(visit)] == [None]
    path, fields = form_of(page)
    confirmed = client.post(path, data=fields)
    assert confirmed.status_code == 303
    receipt = client.get(confirmed.location)
    (row,) = withdrawals(visit)
    assert (row.state, row.lines[0]["quantity"]) == ("declared", 3)
    assert row.receipt_hash in receipt.text
    assert "You withdrew from the contract on Wed 18 Nov, 14:00." in receipt.text
    assert f"/withdraw/{row.id}" in client.get(link(visit)).text
    assert "<script" not in asked.text + page.text + receipt.text


def test_without_script_every_page_keeps_the_language_that_was_asked_for(visit: Visit) -> None:
    client = visit.client

    def follow(response: TestResponse, pattern: str) -> TestResponse:
        """Go where the page's own link or form leads."""
        assert 'lang="ar" dir="rtl"' in response.text
        (address,) = re.findall(pattern, response.text)
        return client.get(address)

    order = client.get(f"{link(visit)}?lang=ar")
    asked = follow(order, r'href="(/t/[^"]+/withdraw[^"]*)"')
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', asked.text)
    started = client.post(action, data={"units.l1": "1", "name": "Ann"})
    page = client.get(started.location)
    _, fields = form_of(page)
    confirmed = client.post(started.location, data=fields)  # a form without an action posts to the page's own address
    receipt = client.get(confirmed.location)
    back = follow(receipt, r'<a href="(/t/[^"/]+)"')
    assert 'lang="ar" dir="rtl"' in back.text


def test_what_was_changed_in_another_window_is_shown_before_it_is_declared(visit: Visit) -> None:
    first = visit.client.post(link(visit, "/withdraw"), data={"units.l1": "1", "name": "Ann"})
    path, fields = form_of(visit.client.get(first.location))
    visit.client.post(link(visit, "/withdraw"), data={"units.l2": "1", "name": "Ann"})
    again = visit.client.post(path, data=fields)
    assert [row.declared_at for row in withdrawals(visit)] == [None]
    assert "1 × Lamp" in visit.client.get(again.location).text


def test_nothing_chosen_is_said_beside_the_form(visit: Visit) -> None:
    for form in ({}, {"units.l1": "0"}, {"units.l1": "x"}, {"units.": "²"}):
        page = visit.client.post(link(visit, "/withdraw"), data=form)
        assert (page.status_code, "Choose at least one thing." in page.text) == (400, True)
    foreign = visit.client.post(
        link(visit, "/withdraw"), data={"units.l1": "1"}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403


def test_a_page_that_is_not_there_says_one_thing(visit: Visit) -> None:
    for path in ("/t/forged/withdraw", "/t/forged/withdraw/1"):
        assert visit.client.get(path).status_code == 404
        assert visit.client.post(path).status_code == 404
    for id_ in ("7", "x", "9" * 19, "9" * 30):
        assert visit.client.get(link(visit, f"/withdraw/{id_}")).status_code == 404
    with at(visit.services, visit.store) as session:
        session.execute(sa.update(Order).values(link_version=2))
    assert visit.client.get(link(visit, "/withdraw")).status_code == 404


@pytest.mark.parametrize("lang", languages())
def test_the_order_s_page_shows_returns_and_withdrawals_in_six_kilobytes(visit: Visit, lang: str) -> None:
    body = visit.asking({"ref": "l1", "quantity": 1, "reason": "too_small"})
    rma = visit.act("returns", body, lang=lang)
    started = visit.see("withdrawals", {"order": str(visit.order_id), "lines": [{"ref": "l2", "quantity": 1}]})
    done = visit.see(f"withdrawals/{started['id']}/confirm", {}, lang=lang)
    page = visit.client.get(f"{link(visit)}?lang={lang}")
    for text in (rma["headline"], rma["sentence"], "RMA-1001", done["sentence"], "WD-1001"):
        assert text in page.text
    style = visit.client.get("/static/page.css")
    assert sum(len(gzip.compress(part.data, 9)) for part in (page, style)) <= 6 * 1024


def test_an_order_that_never_left_is_withdrawn_from_with_nothing_to_send(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    snapshot = bought(shipped=False, state=OrderState.OPEN)
    visit = Visit(client, services, store, place(services, store, world, worker, snapshot))
    started = visit.see("withdrawals", {"order": str(visit.order_id)})
    done = visit.see(f"withdrawals/{started['id']}/confirm", {})
    assert (done["send_back_by"], done["refund_sentence"]) == (None, "Your money is due by Wed 2 Dec.")


@pytest.mark.parametrize(("code", "country"), [("UK", "GB"), ("el", "GR"), ("MQ", "MQ")])
def test_an_order_sent_to_a_territory_or_under_another_code_is_withdrawn_by_its_law(
    code: str, country: str, client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = Visit(client, services, store, place(services, store, world, worker, bought(country=code)))
    started = visit.see("withdrawals", {"order": str(visit.order_id)})
    assert visit.see(f"withdrawals/{started['id']}/confirm", {})["state"] == "declared"
    assert [row.country for row in withdrawals(visit)] == [country]


def test_a_delivered_parcel_of_unnamed_content_starts_no_clock_while_a_part_may_be_missing(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    unnamed = replace(bought().shipments[0], items={})
    visit = Visit(client, services, store, place(services, store, world, worker, bought(shipments=(unnamed,))))
    right = visit.see(f"returns/options?order={visit.order_id}")["withdrawal"]
    assert (right["until"], right["sentence"]) == (
        None,
        "By law you can still withdraw from the contract, without a reason.",
    )
    later = bought().updated_at + timedelta(minutes=1)
    world.put(bought(shipments=(unnamed,), state=OrderState.DONE, updated_at=later))
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:1", {"ref": "1"}), now=services.clock())
    worker.run_until_idle()
    assert visit.see(f"returns/options?order={visit.order_id}")["withdrawal"]["until"] == "2026-11-30"


def test_the_united_kingdom_s_shopper_cancels_the_contract(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = Visit(client, services, store, place(services, store, world, worker, bought(country="GB")))
    right = visit.see(f"returns/options?order={visit.order_id}")["withdrawal"]
    assert (right["label"], right["heading"]) == ("Cancel the contract here", "Cancel the contract")
    assert right["sentence"] == "By law you can still cancel the contract until Tue 1 Dec, without a reason."
    started = visit.see("withdrawals", {"order": str(visit.order_id), "name": "Ann"})
    assert started["confirm_label"] == "Confirm cancellation"
    assert (started["confirm_heading"], started["see_label"]) == ("Confirm your cancellation", "See this cancellation")
    done = visit.see(f"withdrawals/{started['id']}/confirm", {})
    assert done["sentence"].startswith("You canceled the contract on ")
    assert done["receipt"]["text"].startswith("Cancellation WD-1001\n")
    assert "I cancel my contract for these things of order" in done["receipt"]["text"]
    assert "withdr" not in (right["sentence"] + done["sentence"] + done["receipt"]["text"]).casefold()
    link = f"/t/{tracking_token(services.keyring, store.id, visit.order_id, 1)}"
    for page in (f"{link}/withdraw", f"{link}/withdraw/{started['id']}"):
        assert "withdr" not in seen_of(client.get(page)), page


def test_a_store_of_the_united_kingdom_lets_cancel_without_an_order(
    client: FlaskClient, services: Services, world: World
) -> None:
    store = connect(services, world, country="GB")
    typed = {"name": "Ann", "number": "1042", "email": ANN}
    form = client.get(f"/find/{store.key}/withdraw")
    last = client.post(f"/find/{store.key}/withdraw", data=typed)
    draft = re.search(r'name="draft" value="([^"]+)"', last.text)
    assert draft
    declared = client.post(f"/find/{store.key}/withdraw/confirm", data={"draft": draft[1]})
    assert "cancel the contract" in seen_of(form)
    assert "confirm your cancellation" in seen_of(last)
    assert "i cancel my contract about order 1042." in seen_of(last)
    assert "your cancellation is declared" in seen_of(declared)
    assert "withdr" not in seen_of(form) + seen_of(last) + seen_of(declared)


def seen_of(answer: TestResponse) -> str:
    """Give what a reader sees of a page above its footer, in small letters; the footer is the store's everywhere."""
    assert answer.status_code == 200
    return unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("<footer>")[0])).casefold()


def test_what_would_end_the_right_is_told_beforehand(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(
        services, store, **ACCEPTS, goods=({"skus": ["MUG"], "exemption": "e"}, {"skus": ["LAMP"], "exemption": "c"})
    )
    visit = Visit(client, services, store, place(services, store, world, worker))
    mug, lamp = visit.see(f"returns/options?order={visit.order_id}")["lines"]
    told = (
        "The store says that the right to withdraw from this ends once this is so:"
        " Sealed for health or hygiene reasons, and unsealed after delivery."
    )
    assert (mug["withdrawal"]["exempt"], mug["withdrawal"]["sentence"]) == (False, told)
    assert lamp["withdrawal"]["exempt"]
    assert told in unescape(client.get(link(visit, "/withdraw")).text)


def test_a_contract_whose_button_is_missing_can_be_withdrawn_from_a_year_longer(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = Visit(client, services, store, place(services, store, world, worker, bought(country="AT")))
    until = lambda: visit.see(f"returns/options?order={visit.order_id}")["withdrawal"]["until"]  # noqa: E731
    assert until() == "2026-11-30"
    set_return_settings(services, store, button_works=False)
    assert until() == "2027-11-30"
