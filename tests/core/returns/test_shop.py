"""The shopper's JSON of returns over HTTP, as the widget asks it: see, step up, send photos, open, follow."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.i18n.words import languages
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.sample import World
from core.returns.model import Return
from core.returns.requests import lifecycle
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock, connect
from tests.core.returns.seed import (
    ACCEPTS,
    AGNES,
    at,
    bought,
    place,
    set_policy,
    set_return_settings,
    the_money,
    the_return,
)
from tests.core.returns.visit import DAMAGED, MUG, Visit, another, error_of, picture


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    set_policy(services, store, **ACCEPTS)
    return Visit(client, services, store, place(services, store, world, worker))


# The whole way.


def test_a_shopper_goes_from_what_may_go_back_to_a_parcel_on_its_way(visit: Visit, clock: Clock) -> None:
    set_return_settings(visit.services, visit.store, send_to=["Returns", "Dock 4", "Vilnius"])
    options = visit.see(f"returns/options?order={visit.order_id}")
    assert [(one["ref"], one["left"], one["value"], one["answer"]) for one in options["lines"]] == [
        ("l1", 3, 333, "accept"),
        ("l2", 1, 5000, "accept"),
    ]
    assert {"key": "damaged", "label": "It arrived damaged", "photos": 1, "questions": []} in options["reasons"]
    body = visit.asking(DAMAGED, comment="The shade is broken.")
    quote = visit.see("returns/quote", body)
    assert (quote["answer"], quote["amount"], quote["currency"], quote["photos_required"]) == ("accept", 5000, "EUR", 1)
    assert sum(entry["amount"] for entry in quote["explanation"]) == quote["amount"]
    assert "store has looked" in quote["refund_sentence"]
    assert error_of(visit.ask("returns", body)) == (403, "step_up")
    assert visit.ask("returns", body, act=True).get_json()["error"]["fields"] == ["photos"]
    photo = visit.send_photo(picture()).get_json()
    rma = visit.act("returns", body | {"photos": [photo["id"]]})
    assert (rma["rma"], rma["status"], rma["amount"], rma["headline"]) == (
        "RMA-1001",
        "approved",
        5000,
        "Return approved",
    )
    assert [step["state"] for step in rma["steps"]] == ["done", "done", "now", "next", "next", "next"]
    assert "Send it to: Returns, Dock 4, Vilnius" in rma["instructions"]
    assert (rma["sentence"], rma["can_cancel"], rma["can_tell_sent"]) == ("Send it back by Wed 2 Dec.", True, True)
    sent = visit.act(f"returns/{rma['id']}/sent", {"tracking_number": "RR1", "carrier": "post"})
    assert [step["state"] for step in sent["steps"]][2:4] == ["done", "now"]
    assert (sent["can_tell_sent"], sent["instructions"]) == (False, [])
    assert visit.see(f"returns/{rma['id']}")["steps"] == sent["steps"]
    assert error_of(visit.ask(f"returns/{rma['id']}/sent", {"tracking_number": "RR1"}, act=True)) == (409, "moved_on")
    canceled = visit.act(f"returns/{rma['id']}/cancel", {})
    assert (canceled["status"], canceled["amount"], canceled["can_cancel"]) == ("canceled", None, False)
    assert error_of(visit.ask(f"returns/{rma['id']}/cancel", {}, act=True)) == (409, "moved_on")


def test_a_refund_is_followed_to_its_end_with_an_explanation_that_adds_up(visit: Visit, worker: Worker) -> None:
    set_policy(visit.services, visit.store, **ACCEPTS | {"reasons": {"too_small": {"fee_fixed": 34}}})
    rma = visit.act("returns", visit.asking(MUG))
    assert [(one["label"], one["amount"]) for one in rma["explanation"]] == [("Mug", 334), ("Handling fee", -34)]
    with at(visit.services, visit.store) as session:
        mine = lifecycle.find_return(session, visit.store.id, int(rma["id"]))
        lifecycle.receive(session, visit.store, mine, AGNES, now=visit.services.clock())
    seen = visit.see(f"returns/{rma['id']}")
    assert (seen["status"], seen["due"]["what"], seen["due"]["by"]) == ("received", "refund", "2026-11-23T21:59:59Z")
    with at(visit.services, visit.store) as session:
        mine = lifecycle.find_return(session, visit.store.id, int(rma["id"]))
        lifecycle.inspect(session, visit.store, mine, [], AGNES, now=visit.services.clock())
    worker.run_until_idle()
    paid = visit.see(f"returns/{rma['id']}")
    assert (paid["status"], paid["amount"], paid["due"]) == ("closed", 300, None)
    assert sum(one["amount"] for one in paid["explanation"]) == 300
    assert paid["sentence"] == "Your refund of €3.00 was made on Wed 18 Nov. Banks take a few days to show it."
    assert [step["state"] for step in paid["steps"]] == ["done"] * 6


def test_where_a_person_must_pay_the_shopper_reads_no_word_and_no_link_of_the_store_s_admin(
    visit: Visit, worker: Worker
) -> None:
    rma = visit.act("returns", visit.asking(MUG | {"wish": "keep"}))
    row = the_money(visit.services, visit.store)[0]
    with at(visit.services, visit.store) as session:
        mine = session.get(type(row), (visit.store.id, row.id))
        assert mine is not None
        mine.state, mine.sentence, mine.link = "needs_staff", "Gateway 4711 refused", "https://admin.example/orders/1"
    told = visit.ask(f"returns/{rma['id']}", act=True)
    assert "4711" not in told.text
    assert "admin.example" not in told.text
    assert (
        told.get_json()["reimbursements"][0]["sentence"] == "A person at the store makes your refund of €3.34 by hand."
    )


def test_a_double_click_opens_one_return(visit: Visit) -> None:
    body = visit.asking(MUG)
    assert visit.act("returns", body)["id"] == visit.act("returns", body)["id"]
    assert len(visit.see(f"returns/options?order={visit.order_id}")["returns"]) == 1


def test_what_the_policy_declines_is_refused_with_every_line_s_reason(visit: Visit) -> None:
    set_policy(visit.services, visit.store, otherwise="decline", reasons={"other": {}})
    answer = visit.ask("returns", visit.asking(MUG), act=True)
    assert error_of(answer) == (409, "return_not_allowed")
    (line,) = answer.get_json()["error"]["lines"]
    assert (line["ref"], line["answer"], line["objections"][0]["code"]) == ("l1", "decline", "not_covered")
    assert line["objections"][0]["offer"]["sentence"] in answer.get_json()["error"]["message"]


def test_a_line_is_as_good_as_its_best_reason(visit: Visit) -> None:
    never = {"name": "no change of mind", "when": {"reasons": ["other"]}, "answer": "decline"}
    set_policy(visit.services, visit.store, **ACCEPTS | {"rules": [never]})
    options = visit.see(f"returns/options?order={visit.order_id}")
    assert [one["answer"] for one in options["lines"]] == ["accept", "accept"]
    assert visit.see("returns/quote", visit.asking(MUG | {"reason": "other"}))["answer"] == "decline"


@pytest.mark.parametrize("lang", [code for code in languages() if code != "en"])
def test_every_sentence_speaks_the_reader_s_language(visit: Visit, lang: str) -> None:
    told = visit.act("returns", visit.asking(MUG), lang=lang)
    english = visit.act(f"returns/{told['id']}")
    for name in ("headline", "sentence"):
        assert told[name]
        assert told[name] != english[name]
    assert not {one["label"] for one in told["steps"]} & {one["label"] for one in english["steps"]}
    assert not set(told["instructions"]) & set(english["instructions"])
    options = visit.see(f"returns/options?order={visit.order_id}", lang=lang)
    plain = visit.see(f"returns/options?order={visit.order_id}")
    assert options["withdrawal"]["sentence"] != plain["withdrawal"]["sentence"]
    assert options["withdrawal"]["not_advice"] != plain["withdrawal"]["not_advice"]


# Canceling.


def test_an_order_that_has_not_left_is_canceled_once(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, cancel="accept")
    visit = Visit(client, services, store, place(services, store, world, worker, bought(shipped=False)))
    assert visit.see(f"returns/options?order={visit.order_id}")["cancel"]["possible"]
    body = {"order": str(visit.order_id)}
    assert error_of(visit.ask("cancel", body)) == (403, "step_up")
    rma = visit.act("cancel", body)
    assert visit.act("cancel", body)["id"] == rma["id"]
    assert (rma["kind"], rma["amount"], rma["headline"]) == ("cancel", 6490, "The order is being canceled")
    assert [step["state"] for step in rma["steps"]] == ["done", "done", "skipped", "skipped", "skipped", "now"]
    worker.run_until_idle()
    done = visit.see(f"returns/{rma['id']}")
    assert (done["status"], done["amount"]) == ("closed", 6490)
    assert error_of(visit.ask("cancel", body, act=True)) == (409, "cannot_cancel")


def test_an_order_that_has_left_cannot_be_canceled(visit: Visit) -> None:
    answer = visit.ask("cancel", {"order": str(visit.order_id)}, act=True)
    assert error_of(answer) == (409, "cannot_cancel")
    assert answer.get_json()["error"]["reason"] == "shipped"
    cancel = visit.see(f"returns/options?order={visit.order_id}")["cancel"]
    assert (cancel["possible"], cancel["sentence"]) == (False, "")


# Whose it is.


def test_a_token_opens_its_orders_and_everything_else_is_not_there(
    visit: Visit, services: Services, store: Store, world: World, worker: Worker, client: FlaskClient
) -> None:
    rma = visit.act("returns", visit.asking(MUG))
    eve = Visit(client, services, store, another(services, store, world, worker))
    other_store = connect(services, world, "maple")
    for path in ("returns/{}", "returns/{}/cancel", "returns/{}/sent"):
        body = None if path == "returns/{}" else {"tracking_number": "1"}
        answers = [eve.ask(path.format(id_), body, act=True) for id_ in (rma["id"], "7", "x", "9" * 30, "9" * 19)]
        assert {error_of(answer) for answer in answers} == {(404, "return_not_found")}
        assert len({answer.data for answer in answers}) == 1
    mine = str(visit.order_id)
    for order in (mine, "7", "9" * 19):
        body = {"order": order, "lines": [MUG], "text": "hello"}
        for path in ("returns/quote", "returns", "cancel", "withdrawals", "messages"):
            assert error_of(eve.ask(path, body, act=True)) == (404, "not_found"), (path, order)
        assert error_of(eve.ask(f"returns/options?order={order}")) == (404, "not_found")
    assert error_of(Visit(client, services, other_store, visit.order_id).ask("returns/" + rma["id"])) == (
        404,
        "return_not_found",
    )
    url = f"/shop/{store.key}/returns/{rma['id']}"
    assert error_of(client.get(url)) == (401, "not_allowed")


def test_an_order_whose_shopper_was_erased_is_not_there(visit: Visit) -> None:
    rma = visit.act("returns", visit.asking(MUG))
    with at(visit.services, visit.store) as session:
        session.execute(sa.update(Order).values(erased_at=visit.services.clock()))
    assert visit.ask(f"returns/options?order={visit.order_id}").status_code == 404
    assert visit.ask(f"returns/{rma['id']}", act=True).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": [{"ref": "l1", "quantity": 0}]},
        {"lines": [{"ref": "l1", "quantity": 10**9}]},
        {"lines": [{"ref": "l1", "wish": "gold"}]},
        {"lines": "l1"},
        {"lines": [{"ref": "l1", "answers": {"why": ["x"]}}]},
        {"lines": [MUG], "photos": ["x"]},
        {"lines": [MUG], "kind": "cancel"},
        {"lines": [MUG], "comment": "x" * 5000},
    ],
)
def test_nonsense_is_refused_and_nothing_is_opened(visit: Visit, body: dict[str, Any]) -> None:
    for path in ("returns/quote", "returns"):
        answer = visit.ask(path, {"order": str(visit.order_id)} | body, act=True)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "invalid")
    with at(visit.services, visit.store) as session:
        assert session.scalars(sa.select(Return)).all() == []


def test_odd_text_is_kept_as_text(visit: Visit) -> None:
    odd = 'x\0</p><script>alert("1")</script>\u202e'
    rma = visit.act("returns", visit.asking(MUG | {"answers": {"why": odd}, "exchange_for": odd}, comment=odd))
    assert rma["status"] == "approved"
    assert the_return(visit.services, visit.store).comment == odd.replace("\0", "")


def test_an_order_takes_so_many_requests_a_quarter_of_an_hour(visit: Visit, clock: Clock) -> None:
    wrong = visit.asking(DAMAGED)
    answers = [visit.ask("returns", wrong, act=True).status_code for _ in range(21)]
    assert answers == [400] * 20 + [429]
    assert visit.ask("returns/quote", wrong).status_code == 200
    clock.forward(minutes=16)
    assert visit.ask("returns", wrong, act=True).status_code == 400
