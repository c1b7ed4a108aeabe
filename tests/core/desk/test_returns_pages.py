"""Returns at the desk: every move by who may make it, with the amount said before, and nothing done twice."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db.base import new_id
from core.desk.returns import return_queue
from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.model import Reimbursement, ReturnPhoto
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.opening import ReturnRequest
from core.services import Services
from core.stores.model import AuditEntry, Store
from tests.conftest import Clock
from tests.core.desk.returns_scene import (
    LAMP,
    MUGS,
    REVIEW,
    ask,
    has_form,
    path,
    press,
    read,
    said,
    seat,
    sell,
    version_on,
)
from tests.core.returns.seed import letters, place, set_policy, set_return_settings, the_money
from tests.core.shipping.seed import on_sqlite, rows, statements
from tests.core.two_stores import Outbox
from tests.fresh_forms import current_version


@pytest.fixture
def services(services: Services) -> Services:
    """With a mail server, so that letters leave."""
    return replace(services, mail=Outbox())


@pytest.fixture
def order_id(services: Services, store: Store, world: World, worker: Worker) -> int:
    set_policy(services, store, **REVIEW, refund_when="approval")
    return place(services, store, world, worker)


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "owner", "max")


@pytest.fixture
def agnes(services: Services, store: Store, max_: FlaskClient) -> FlaskClient:
    return seat(services, store, "agent", "agnes")


def audited(services: Services, store: Store) -> list[tuple[str, str]]:
    entries = rows(services, store, AuditEntry)
    return [(one.staff_ref, one.what) for one in entries if one.subject.startswith(("return:", "reimbursement:"))]


# What one sees.


def test_a_return_is_shown_with_its_reason_its_amount_and_what_its_button_does(
    services: Services, store: Store, order_id: int, max_: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    text = said(max_.get(path(store, f"returns/{return_id}")))
    for fact in (
        "RMA-1001",
        "1 × Lamp",
        "It arrived damaged",
        "The shade is broken.",
        "A person at the store decides about this return.",
        "Approve and refund €50.00",
        "Together €50.00",
    ):
        assert fact in text, fact


@on_sqlite
def test_the_list_puts_first_who_waits_for_approval_then_by_the_day_of_the_answer(
    services: Services, store: Store, world: World, worker: Worker, order_id: int, max_: FlaskClient, clock: Clock
) -> None:
    other = sell(services, store, world, "2")
    first, second = ask(services, store, order_id), ask(services, store, order_id, MUGS)
    clock.forward(hours=1)
    third = ask(services, store, other)
    clock.forward(hours=-1)
    set_return_settings(services, store, agent_limit=1000)
    press(seat(services, store, "agent", "agnes"), store, third, "ask")
    page = max_.get(path(store, "returns")).text
    listed = [int(one) for one in re.findall(r'/returns/(\d+)"', page)]
    assert listed == [third, first, second]
    press(max_, store, first, "decline", note="Broken by hand")
    page = max_.get(path(store, "returns")).text
    assert [int(one) for one in re.findall(r'/returns/(\d+)"', page)] == [third, second]
    assert f"/returns/{first}" in max_.get(path(store, "returns?show=declined")).text
    for typed in ("RMA-1001", "1001", "#1042"):
        assert f"/returns/{first}" in max_.get(path(store, "returns"), query_string={"q": typed}).text, typed
    assert "No return has this number" in max_.get(path(store, "returns?q=7777")).text


@on_sqlite
def test_photos_are_shown_to_staff_of_this_return_only(
    services: Services, store: Store, order_id: int, max_: FlaskClient
) -> None:
    return_id, photo_id = ask(services, store, order_id), new_id()
    with services.db.transaction(store.id) as session:
        facts = {"content": b"\xff\xd8", "mime": "image/jpeg", "width": 1, "height": 1, "digest": "d"}
        photo = ReturnPhoto(id=photo_id, order_id=order_id, return_id=return_id, added_at=services.clock(), **facts)
        session.add(photo)
    assert f"/photos/{photo_id}" in max_.get(path(store, f"returns/{return_id}")).text
    shown = max_.get(path(store, f"returns/{return_id}/photos/{photo_id}"))
    assert (shown.data, shown.mimetype) == (b"\xff\xd8", "image/jpeg")
    assert max_.get(path(store, f"returns/{return_id + 1}/photos/{photo_id}")).status_code == 404


# Who may do what.


def test_a_viewer_sees_everything_and_moves_nothing(
    services: Services, store: Store, order_id: int, max_: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    viewer = seat(services, store, "viewer", "eve")
    page = viewer.get(path(store, f"returns/{return_id}"))
    assert (page.status_code, has_form(page)) == (200, False)
    for verb in ("approve", "decline", "cancel", "reopen", "sent", "receive", "keep", "pay", "terms", "inspect", "ask"):
        assert press(viewer, store, return_id, verb, note="x").status_code == 403, verb
    assert viewer.get(path(store, f"orders/{order_id}/return")).status_code == 403
    assert read(services, store, return_id).acceptance == "requested"


def test_approving_refunds_what_the_button_said_and_a_second_press_is_told_who_was_first(
    services: Services, store: Store, worker: Worker, order_id: int, max_: FlaskClient, agnes: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    seen = version_on(max_, path(store, f"returns/{return_id}"))
    done = press(agnes, store, return_id, "approve")
    assert (done.status_code, done.location) == (302, path(store, f"returns/{return_id}?done=1"))
    late = press(max_, store, return_id, "decline", note="No.", version=seen)
    assert late.status_code == 409
    assert "Agnes was here before you: Approved," in said(late)
    worker.run_until_idle()
    assert [(money.state, money.amount) for money in the_money(services, store)] == [("issued", 5000)]
    assert ("return_declined", "sent") not in letters(services, store)
    text = said(max_.get(path(store, f"returns/{return_id}?done=1")))
    assert "Approved · Agnes" in text
    assert "done" in text


@pytest.mark.parametrize("verb", ["decline", "reopen"])
def test_what_takes_something_away_needs_a_reason(
    services: Services, store: Store, order_id: int, agnes: FlaskClient, verb: str
) -> None:
    return_id = ask(services, store, order_id)
    if verb == "reopen":
        press(agnes, store, return_id, "cancel")
    before = read(services, store, return_id).acceptance
    refused = press(agnes, store, return_id, verb, note="  ")
    assert refused.status_code == 422
    assert f'aria-describedby="problem-{verb}"' in refused.text
    assert "Give a reason." in said(refused)
    assert read(services, store, return_id).acceptance == before
    assert press(agnes, store, return_id, verb, note="It was shown broken.").status_code == 302
    assert "It was shown broken." in said(agnes.get(path(store, f"returns/{return_id}")))


def test_above_the_limit_an_agent_asks_and_the_owner_sees_who_asked(
    services: Services, store: Store, order_id: int, max_: FlaskClient, agnes: FlaskClient
) -> None:
    set_return_settings(services, store, agent_limit=4999)
    return_id = ask(services, store, order_id)
    page = said(agnes.get(path(store, f"returns/{return_id}")))
    assert "Ask for approval" in page
    assert "You may give back up to €49.99; this comes to €50.00." in page
    assert "Approve and refund" not in page
    refused = press(agnes, store, return_id, "approve")
    assert refused.status_code == 403
    assert "€50.00 is more than you may give back alone (€49.99)." in said(refused)
    assert press(agnes, store, return_id, "ask").status_code == 302
    assert "needs your approval" in said(max_.get(path(store, "returns")))
    assert "Agnes asks for your approval." in said(max_.get(path(store, f"returns/{return_id}")))
    assert press(max_, store, return_id, "approve").status_code == 302
    assert [money.amount for money in the_money(services, store)] == [5000]
    assert audited(services, store) == [("agnes", "ask_approval"), ("max", "approve")]


@on_sqlite
def test_the_limit_itself_is_still_an_agent_s(
    services: Services, store: Store, order_id: int, agnes: FlaskClient
) -> None:
    set_return_settings(services, store, agent_limit=5000)
    return_id = ask(services, store, order_id)
    assert "Approve and refund €50.00" in said(agnes.get(path(store, f"returns/{return_id}")))
    assert press(agnes, store, return_id, "approve").status_code == 302


# Goods and money.


def test_a_part_that_passes_the_inspection_brings_its_part(
    services: Services, store: Store, worker: Worker, order_id: int, agnes: FlaskClient
) -> None:
    set_policy(services, store, **REVIEW, refund_when="inspection")
    return_id = ask(services, store, order_id, MUGS)
    assert "Approve for €6.67" in said(agnes.get(path(store, f"returns/{return_id}")))
    press(agnes, store, return_id, "approve")
    press(agnes, store, return_id, "receive")
    (item,) = re.findall(r'name="accepted\.(\d+)"', agnes.get(path(store, f"returns/{return_id}")).text)
    one = {f"accepted.{item}": "1", f"grade.{item}": "used", f"restock.{item}": "no", f"note.{item}": ""}
    tried = press(agnes, store, return_id, "inspect", **one, **{"try": "1"})
    assert (tried.status_code, "This would pay €3.34." in said(tried)) == (200, True)
    assert read(services, store, return_id).reception == "received"
    assert press(agnes, store, return_id, "inspect", **one).status_code == 422
    for wrong in ("3", "-1", "two"):
        answer = press(agnes, store, return_id, "inspect", **one | {f"accepted.{item}": wrong, f"note.{item}": "x"})
        assert (answer.status_code, "Give numbers that can be" in said(answer)) == (422, True), wrong
    assert the_money(services, store) == []
    one[f"note.{item}"] = "The second has a crack."
    assert press(agnes, store, return_id, "inspect", **one).status_code == 302
    worker.run_until_idle()
    assert [(money.state, money.amount, money.restock) for money in the_money(services, store)] == [("issued", 334, [])]
    text = said(agnes.get(path(store, f"returns/{return_id}")))
    assert "1 of 2 accepted · used The second has a crack." in text


@on_sqlite
def test_terms_change_the_amount_only_with_a_reason(
    services: Services, store: Store, order_id: int, agnes: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    for typed in (
        {"fee.handling": "5.00"},
        {"fee.handling": "-1", "reason": "x"},
        {"fee.handling": "x", "reason": "x"},
    ):
        assert press(agnes, store, return_id, "terms", **typed).status_code == 422, typed
    typed = {"fee.handling": "5,00", "fee.label": "", "shipping": "4.90", "reason": "Sent without its box."}
    assert press(agnes, store, return_id, "terms", **typed).status_code == 302
    text = said(agnes.get(path(store, f"returns/{return_id}")))
    assert "Approve and refund €49.90" in text
    assert "Handling fee -€5.00" in text
    assert "Sent without its box." in text


def test_a_label_given_later_reaches_the_shopper_and_only_a_web_address_is_one(
    services: Services, store: Store, order_id: int, max_: FlaskClient, worker: Worker
) -> None:
    set_policy(services, store, **REVIEW)
    return_id = ask(services, store, order_id)
    assert press(max_, store, return_id, "label", url="javascript:alert(1)").status_code == 422
    assert press(max_, store, return_id, "label", url="https://labels.example/1").status_code == 302
    assert [kind for kind, _ in letters(services, store)] == ["return_requested"]
    press(max_, store, return_id, "approve")
    services.clock.forward(minutes=1)  # type: ignore[attr-defined]
    press(max_, store, return_id, "label", url="https://labels.example/2")
    worker.run_until_idle()
    outbox = services.mail
    assert isinstance(outbox, Outbox)
    assert "https://labels.example/2" in outbox.sent[-1]
    assert [kind for kind, _ in letters(services, store)].count("return_approved") == 2
    press(max_, store, return_id, "receive")
    assert press(max_, store, return_id, "label", url="https://labels.example/3").status_code == 409


def test_a_refused_refund_is_shown_in_the_store_s_words_tried_again_and_paid_by_hand(
    services: Services, store: Store, world: World, worker: Worker, order_id: int, max_: FlaskClient, agnes: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    gone = world.order("1")
    assert gone is not None
    world.remove("order", "1")  # the store no longer knows the order, so it refuses
    press(agnes, store, return_id, "approve")
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert money.state == "failed"
    text = said(agnes.get(path(store, f"returns/{return_id}")))
    assert "This order is no longer there." in text
    assert "Try €50.00 again" in text
    assert "the money is stuck" in said(agnes.get(path(store, "returns")))
    assert "This order is no longer there." in said(agnes.get(path(store, "returns/money")))
    retry, paid = (path(store, f"money/{money.id}/{verb}") for verb in ("retry", "paid"))
    assert agnes.post(retry).status_code == 302
    assert agnes.post(retry).status_code == 409
    worker.run_until_idle()
    assert agnes.post(paid, data={"note": " "}).status_code == 422
    seen = current_version(max_.application, paid)
    assert agnes.post(paid, data={"note": "By transfer, 18 November"}).status_code == 302
    late = max_.post(paid, data={"note": "By transfer too", "version": seen})
    assert late.status_code == 409
    assert "Agnes was here before you: Paid by hand" in said(late)
    assert [(one.state, one.paid) for one in the_money(services, store)] == [("issued", 5000)]


@on_sqlite
def test_a_reimbursement_of_nobody_is_404(store: Store, max_: FlaskClient) -> None:
    assert max_.post(path(store, "money/7/retry")).status_code == 404
    assert max_.post(path(store, "money/7/steal")).status_code == 404
    assert max_.post(path(store, "returns/7/approve")).status_code == 404
    assert max_.post(path(store, "returns/7/steal")).status_code == 404
    assert max_.get(path(store, "returns/7")).status_code == 404


@on_sqlite
def test_staff_open_a_return_that_the_policy_would_decline(
    services: Services, store: Store, order_id: int, agnes: FlaskClient
) -> None:
    set_policy(services, store, **REVIEW | {"otherwise": "decline"})
    form = agnes.get(path(store, f"orders/{order_id}/return")).text
    assert 'name="quantity.l1"' in form
    typed = {"quantity.l1": "1", "reason.l1": "damaged", "wish.l1": "refund", "comment": "She rang."}
    assert agnes.post(path(store, f"orders/{order_id}/return"), data={"quantity.l1": "0"}).status_code == 422
    too_many = agnes.post(path(store, f"orders/{order_id}/return"), data=typed | {"quantity.l1": "4"})
    assert (too_many.status_code, "can still be returned" in said(too_many)) == (409, True)
    opened = agnes.post(path(store, f"orders/{order_id}/return"), data=typed)
    assert opened.status_code == 302
    text = said(agnes.get(opened.location))
    assert "Asked for · Agnes" in text
    assert "She rang." in text


def test_the_history_names_who_acted_and_why_and_the_audit_log_keeps_neither_name_nor_reason(
    services: Services, store: Store, order_id: int, max_: FlaskClient, agnes: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    press(agnes, store, return_id, "decline", note="Worn for a month.")
    press(max_, store, return_id, "reopen", note="She has a picture.")
    text = said(max_.get(path(store, f"returns/{return_id}")))
    assert "Taken up again · Max She has a picture." in text
    assert "Declined · Agnes Worn for a month." in text
    assert text.count("Declined · Agnes") == 1
    assert audited(services, store) == [("agnes", "decline"), ("max", "reopen")]
    kept = [(one.who, one.what, one.facts) for one in rows(services, store, AuditEntry)]
    assert not [one for one in kept if any(word in str(one) for word in ("Agnes", "Max", "Worn", "picture"))]


@on_sqlite
def test_in_entries_from_before_the_chain_the_history_of_one_number_tells_nothing_of_a_longer_one(
    services: Services, store: Store, order_id: int, max_: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    with services.db.transaction(store.id) as session:
        for who, what, reason in (
            ("Agnes", "let keep RMA-10010", "Not worth it."),
            ("Max", "let keep RMA-1001", "A gift."),
        ):
            session.add(AuditEntry(at=services.clock(), who=who, what=what, facts={"reason": reason}))
    text = said(max_.get(path(store, f"returns/{return_id}")))
    assert "Let the shopper keep it · Max A gift." in text
    assert "Not worth it." not in text


# What the pages count and cost.


@on_sqlite
def test_the_first_page_counts_what_waits_here(
    services: Services, store: Store, world: World, worker: Worker, order_id: int, max_: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    ask(services, store, order_id, MUGS)
    world.remove("order", "1")
    press(max_, store, return_id, "approve")
    worker.run_until_idle()
    text = said(max_.get(path(store)))
    assert "2 returns waiting for you" in text
    assert "1 payments failed or waiting for a person" in text


@on_sqlite
def test_a_page_asks_the_database_a_few_times_however_much_there_is(
    services: Services, store: Store, world: World, worker: Worker, order_id: int, max_: FlaskClient
) -> None:
    return_id = ask(services, store, order_id)
    for number in range(2, 30):
        ask(services, store, sell(services, store, world, str(number)))
    press(max_, store, return_id, "approve")
    worker.run_until_idle()
    pages = ("", "returns", "returns?show=all", "returns/money", f"returns/{return_id}", f"orders/{order_id}/return")
    for page in pages:
        with statements(services.db) as sent:
            assert max_.get(path(store, page)).status_code == 200
        assert len([text for text in sent if text.lstrip().upper().startswith("SELECT")]) <= 16, page


@on_sqlite
def test_what_a_shopper_wrote_is_text_wherever_it_stands(
    services: Services, store: Store, order_id: int, max_: FlaskClient
) -> None:
    evil = "<script>alert(1)</script>"
    answers = {"where": evil}
    return_id = ask(
        services, store, order_id, ReturnRequest((RequestedLine("l2", 1, "damaged", answers=answers),), comment=evil)
    )
    for page in ("returns", f"returns/{return_id}"):
        assert "<script>" not in max_.get(path(store, page)).text
    assert said(max_.get(path(store, f"returns/{return_id}"))).count(evil) == 2


@on_sqlite
def test_a_letter_about_a_return_is_previewed_as_the_shopper_gets_it(
    services: Services, store: Store, order_id: int, max_: FlaskClient
) -> None:
    ask(services, store, order_id, LAMP)
    (notice_id,) = set(re.findall(r"/notices/(\d+)", max_.get(path(store, "notices")).text))
    page = said(max_.get(path(store, f"notices/{notice_id}")))
    assert "RMA-1001" in page
    assert "Lamp" in page


def test_no_row_of_another_store_is_counted_or_listed(
    services: Services, store: Store, world: World, worker: Worker, order_id: int, max_: FlaskClient
) -> None:
    ask(services, store, order_id)
    with services.db.transaction(store.id + 1, write=False) as session:
        assert return_queue.count_waiting(session) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(Reimbursement)) == 0
