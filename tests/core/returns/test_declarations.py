"""Withdrawals that come late, or without an order that is found: taken, receipted, marked; a person decides."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from html import unescape

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.conversations.model import Case
from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.model import Withdrawal
from core.returns.withdrawal.model import Declaration
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.desk.returns_scene import path, said, seat
from tests.core.returns.seed import ACCEPTS, at, bought, letters, place, set_policy, the_money
from tests.core.returns.visit import Visit
from tests.core.samples import ANN as EMAIL
from tests.core.two_stores import Outbox

ELSEWHERE = "ann@work.example"


@pytest.fixture
def services(services: Services) -> Services:
    return replace(services, mail=Outbox())


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    set_policy(services, store, **ACCEPTS)
    return Visit(client, services, store, place(services, store, world, worker))


def rows(visit: Visit, model: type) -> list:  # type: ignore[type-arg]
    with at(visit.services, visit.store) as session:
        return list(session.scalars(sa.select(model).order_by(model.id)))


def mails(services: Services) -> list[tuple[str, str]]:
    """(to, all its text) of everything that left, oldest first."""
    sent: list[str] = services.mail.sent  # type: ignore[attr-defined]
    return [(text.partition("\n")[0], text) for text in sent]


def look(visit: Visit, **typed: str) -> TestResponse:
    form = {"name": "Ann Bell", "number": "#1042", "proof": EMAIL, "email": ""} | typed
    return visit.client.post(f"/find/{visit.store.key}/withdraw", data=form)


def draft_in(page: str) -> str:
    found = re.search(r'name="draft" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


def declare(visit: Visit, worker: Worker, **typed: str) -> str:
    """Go through both steps; give the last page as text."""
    draft = draft_in(look(visit, **typed).text)
    answer = visit.client.post(f"/find/{visit.store.key}/withdraw/confirm", data={"draft": draft})
    assert answer.status_code == 200
    worker.run_until_idle()
    return unescape(answer.text)


def like(page: str) -> str:
    """The page without what is its own: number, moment, fingerprint."""
    return re.sub(r"WD-\d+|[0-9a-f]{64}|\d{4}-\d\d-\d\d [\d:]+", "·", page)


def test_a_late_declaration_is_taken_receipted_marked_and_left_to_a_person(
    visit: Visit, clock: Clock, worker: Worker, services: Services, store: Store
) -> None:
    clock.forward(days=40)
    order = str(visit.order_id)
    right = visit.see(f"returns/options?order={order}")["withdrawal"]
    assert (right["available"], right["late"]) == (False, True)
    started = visit.see("withdrawals", {"order": order, "name": "Ann"})
    late = visit.see(f"withdrawals/{started['id']}/confirm", {})
    assert (late["state"], bool(late["receipt"])) == ("declared", True)
    assert "after the legal period. A person there decides." in late["sentence"]
    assert (late["refund_sentence"], late["send_back_by"]) == ("", None)
    worker.run_until_idle()
    assert letters(services, store) == [("withdrawal_receipt", "sent")]
    assert "after the legal period" in mails(services)[0][1]
    assert [case.kind for case in rows(visit, Case)] == ["withdrawal_late"]
    max_ = seat(services, store, "owner")
    page = said(max_.get(path(store, f"withdrawals/{started['id']}")))
    assert "late by our reckoning: the period ended on Mon 30 Nov" in page
    max_.post(path(store, f"withdrawals/{started['id']}/back"))
    assert the_money(services, store) == [], "goods that come back do not decide it"
    max_.post(path(store, f"withdrawals/{started['id']}/in_time"))
    max_.post(path(store, f"withdrawals/{started['id']}/back"))
    assert [row.amount for row in the_money(services, store)] == [6490]


def test_what_was_begun_in_time_and_confirmed_after_it_is_late_and_taken(visit: Visit, clock: Clock) -> None:
    started = visit.see("withdrawals", {"order": str(visit.order_id), "name": "Ann"})
    clock.forward(days=13)
    assert visit.see(f"withdrawals/{started['id']}/confirm", {})["state"] == "declared"
    assert [row.late for row in rows(visit, Withdrawal)] == [True]


def test_matched_or_not_the_screen_answers_alike(visit: Visit, worker: Worker) -> None:
    right = declare(visit, worker)
    wrong = declare(visit, worker, proof="eve@shopper.example")
    other = declare(visit, worker, number="#9999")
    assert like(right) == like(wrong).replace("e•••", "a•••")
    assert like(right) == like(other).replace("9999", "1042")
    assert "Withdrawal WD-1001" in right
    assert "Declared: 2026-11-18 14:00:00 +0200 (Europe/Vilnius)" in right


def test_a_matched_declaration_is_a_withdrawal_of_the_order_with_the_receipt_as_shown(
    visit: Visit, worker: Worker, services: Services, store: Store
) -> None:
    page = declare(visit, worker)
    [row] = rows(visit, Withdrawal)
    assert (row.number, row.state, row.whole, row.late) == ("WD-1001", "acknowledged", True, False)
    assert row.receipt in page
    assert row.receipt_hash == hashlib.sha256(row.receipt.encode()).hexdigest()
    assert [(one.state, one.withdrawal_id) for one in rows(visit, Declaration)] == [("matched", row.id)]
    assert [to for to, _ in mails(services)] == [EMAIL], "one receipt, to the order's own address"
    assert rows(visit, Case) == []


def test_the_order_s_own_address_gets_a_copy_whatever_address_was_given(
    visit: Visit, worker: Worker, services: Services
) -> None:
    declare(visit, worker, email=ELSEWHERE)
    assert sorted(to for to, _ in mails(services)) == sorted([EMAIL, ELSEWHERE])
    theirs = next(text for to, text in mails(services) if to == ELSEWHERE)
    assert "/t/" not in theirs
    assert "Mug" not in theirs, "what was bought is for who ordered"


def test_an_unmatched_declaration_is_kept_receipted_and_decided_at_the_desk(
    visit: Visit, worker: Worker, services: Services, store: Store
) -> None:
    declare(visit, worker, proof=ELSEWHERE)
    assert rows(visit, Withdrawal) == []
    [row] = rows(visit, Declaration)
    assert (row.state, row.number, row.mailed) == ("open", "WD-1001", True)
    assert row.acknowledged_at is not None
    [(to, text)] = mails(services)
    assert to == ELSEWHERE
    assert "I withdraw from my contract about order #1042." in text
    assert "http" not in text.partition("SHA-256")[0]
    assert [case.kind for case in rows(visit, Case)] == ["withdrawal_unmatched"]
    agnes = seat(services, store, "agent")
    assert "WD-1001" in said(agnes.get(path(store, "withdrawals")))
    mine = path(store, f"declarations/{row.id}")
    assert agnes.post(f"{mine}/close", data={"note": ""}).status_code == 422
    assert agnes.post(f"{mine}/match", data={"note": "#77"}).status_code == 422
    assert agnes.post(f"{mine}/match", data={"note": "#1042"}).status_code == 302
    [found] = rows(visit, Withdrawal)
    assert (found.number, found.declared_at, found.receipt) == (row.number, row.declared_at, row.receipt)
    assert agnes.post(f"{mine}/close", data={"note": "again"}).status_code == 409


def test_a_declaration_can_be_closed_with_a_reason(
    visit: Visit, worker: Worker, services: Services, store: Store
) -> None:
    declare(visit, worker, number="#9999")
    [row] = rows(visit, Declaration)
    max_ = seat(services, store, "owner")
    assert max_.post(path(store, f"declarations/{row.id}/close"), data={"note": "Another shop"}).status_code == 302
    assert [(one.state, one.note) for one in rows(visit, Declaration)] == [("closed", "Another shop")]


def test_confirmed_twice_it_is_declared_once(visit: Visit, worker: Worker, services: Services) -> None:
    draft = draft_in(look(visit).text)
    address = f"/find/{visit.store.key}/withdraw/confirm"
    first, second = (visit.client.post(address, data={"draft": draft}).text for _ in range(2))
    worker.run_until_idle()
    assert first == second
    assert len(rows(visit, Declaration)) == 1
    assert len(mails(services)) == 1


def test_the_first_step_stores_nothing(visit: Visit) -> None:
    assert look(visit).status_code == 200
    assert rows(visit, Declaration) == rows(visit, Withdrawal) == []


def test_three_receipts_a_day_go_to_one_address_and_every_declaration_is_taken(
    visit: Visit, worker: Worker, services: Services, clock: Clock
) -> None:
    pages = [declare(visit, worker, number=f"#{n}", email=ELSEWHERE, proof="") for n in range(5)]
    assert [to for to, _ in mails(services)] == [ELSEWHERE] * 3
    assert ["The receipt goes to a•••@w•••.example." in page for page in pages] == [True] * 3 + [False] * 2
    assert all("This page is your receipt too" in page for page in pages)
    assert len(rows(visit, Declaration)) == 5
    clock.forward(hours=25)
    declare(visit, worker, number="#6", email=ELSEWHERE, proof="")
    assert len(mails(services)) == 4


def test_who_declares_too_often_from_one_place_waits(visit: Visit) -> None:
    drafts = [draft_in(look(visit, number=f"#{n}", email=f"a{n}@b.example").text) for n in range(11)]
    address = f"/find/{visit.store.key}/withdraw/confirm"
    codes = [visit.client.post(address, data={"draft": draft}).status_code for draft in drafts]
    assert codes == [200] * 10 + [429]


def test_a_receipt_carries_no_stranger_s_link_and_no_more_than_its_fields_hold(
    visit: Visit, worker: Worker, services: Services
) -> None:
    evil = "Buy at https://evil.example/x www.evil.example <a href=//e.example>x</a>\r\nBcc: eve@evil.example"
    declare(visit, worker, name=evil + "x" * 500, number=f"#1 {evil}", proof=ELSEWHERE)
    [(_, text)] = mails(services)
    receipt = rows(visit, Declaration)[0].receipt
    assert not re.search(
        r"://|www\.\w|\w\.\w|@|<|Bcc:", receipt.partition("Declared")[0].partition("\n")[2].partition("\n")[2]
    )
    assert len(receipt) < 400
    assert "evil.example" not in text


@pytest.mark.parametrize("typed", [{"name": " "}, {"number": ""}, {"email": "no address"}, {"name": "://"}])
def test_name_number_and_a_whole_address_are_asked_for(visit: Visit, typed: dict[str, str]) -> None:
    assert look(visit, **typed).status_code == 400


@pytest.mark.parametrize("draft", ["", "zz", "00" * 40])
def test_a_draft_that_is_not_ours_is_typed_again(visit: Visit, draft: str) -> None:
    answer = visit.client.post(f"/find/{visit.store.key}/withdraw/confirm", data={"draft": draft})
    assert answer.status_code == 400
    assert "Type it again" in answer.text


def test_a_draft_ends_after_a_day(visit: Visit, clock: Clock) -> None:
    draft = draft_in(look(visit).text)
    clock.forward(hours=25)
    answer = visit.client.post(f"/find/{visit.store.key}/withdraw/confirm", data={"draft": draft})
    assert answer.status_code == 400


def test_without_an_address_the_page_is_the_receipt(visit: Visit, worker: Worker, services: Services) -> None:
    page = declare(visit, worker, proof="LV-1010")
    assert "The receipt goes to" not in page
    assert "This page is your receipt too: print or save it." in page
    assert mails(services) == []


def test_an_order_without_an_address_can_name_one_for_its_receipt(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = Visit(client, services, store, place(services, store, world, worker, bought(email="")))
    asked = {"order": str(visit.order_id), "name": "Ann", "email": ELSEWHERE}
    started = visit.see("withdrawals", asked)
    assert visit.see(f"withdrawals/{started['id']}/confirm", {})["mailed_to"] == "a•••@w•••.example"
    worker.run_until_idle()
    assert [to for to, _ in mails(services)] == [ELSEWHERE]
    assert rows(visit, Withdrawal)[0].receipt.splitlines()[-1] in mails(services)[0][1]


def test_a_second_address_gets_the_receipt_beside_the_order_s_own(
    visit: Visit, worker: Worker, services: Services
) -> None:
    started = visit.see("withdrawals", {"order": str(visit.order_id), "name": "Ann", "email": ELSEWHERE})
    told = visit.see(f"withdrawals/{started['id']}/confirm", {})["mailed_to"]
    assert told == "a•••@s•••.example, a•••@w•••.example"
    worker.run_until_idle()
    assert sorted(to for to, _ in mails(services)) == sorted([EMAIL, ELSEWHERE])
    theirs = next(text for to, text in mails(services) if to == ELSEWHERE)
    assert "/t/" not in theirs
