"""How everything about returns is asked for another store's rows: their routes, jobs and functions, case by case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from core.desk import history, returns_queue
from core.orders import entry
from core.returns import (
    album,
    canceling,
    declaring,
    lifecycle,
    opening,
    past,
    policies,
    receipts,
    recognize,
    telling,
    views,
    visit,
    withdrawal,
)
from core.returns.asking import Asked
from core.returns.books import lock_order
from core.returns.lifecycle import SHOPPER
from core.returns.model import Declaration, PolicyVersion, Reimbursement, Return, ReturnItem, ReturnPhoto, Withdrawal
from core.returns.opening import Request
from core.returns.rulebook import Policy
from core.services import Services
from core.stores.access import grant, tracking_token
from tests.conftest import NOON
from tests.core.private import TRACES
from tests.core.two_stores import Two, set_up

Ask = tuple[str, dict[str, Any]]
LATER = NOON + timedelta(days=1)
RECEIPT = "ab" * 32


def set_up_with_returns(services: Services, folder: Path) -> Two:
    """Fill two stores, theirs with returns too."""
    two = set_up(services, folder)
    leave_returns(two)
    return two


def leave_returns(two: Two) -> None:
    """Give their store a return with a photo, money that failed, a withdrawal and a policy; note all ids."""
    now, order_id = two.services.clock(), two.ids["order"]
    with two.services.db.transaction(two.theirs.id) as session:
        rma = Return(
            order_id=order_id, rma="RMA-1001", answer="accept", currency="EUR", opened_by="shopper", opened_at=now,
            acceptance="approved", status="approved", comment=TRACES[9], note=TRACES[10], quoted=2400,
        )  # fmt: skip
        session.add(rma)
        session.flush()
        told = {"title": TRACES[5], "reason": "other", "wish": "refund", "note": TRACES[11]}
        item = ReturnItem(return_id=rma.id, order_id=order_id, line_ref="l1", quantity=1, **told)
        photo = ReturnPhoto(
            order_id=order_id, return_id=rma.id, content=b"JPEG", mime="image/jpeg", width=1, height=1, digest="x",
            added_at=now,
        )  # fmt: skip
        money = Reimbursement(
            order_id=order_id, return_id=rma.id, intent="x", key="x", kind="refund", state="failed", amount=2400,
            currency="EUR", sentence=TRACES[12], created_by="policy", created_at=now,
        )  # fmt: skip
        row = Withdrawal(
            order_id=order_id, number="WD-1001", state="acknowledged", name=TRACES[1], country="LT", currency="EUR",
            lines=[{"ref": "l1", "title": TRACES[5], "quantity": 1, "exemption": ""}], started_at=now,
            declared_at=now, receipt=TRACES[1], receipt_hash=RECEIPT, refund_due=date(2026, 12, 2),
        )  # fmt: skip
        orderless = Declaration(
            number="WD-1002", name=TRACES[1], order_number="#1", email="", email_key="k", language="en",
            draft_digest="d", declared_at=now, receipt=TRACES[1], receipt_hash=RECEIPT, mailed=True,
        )  # fmt: skip
        rule = {"name": TRACES[12], "when": {}, "answer": "accept"}
        document = Policy.model_validate({"version": 2, "rules": [rule]}).model_dump(mode="json")
        saved = PolicyVersion(version=2, document=document, saved_by="Bruno", saved_at=now)
        session.add_all([item, photo, money, row, orderless, saved])
        session.flush()
        two.ids |= {"rma": rma.id, "photo": photo.id, "money": money.id, "withdrawal": row.id}
        two.ids["declaration"] = orderless.id


# Routes.


def shopper(path: str, body: dict[str, Any] | None = None, **more: Any) -> Callable[[Two], list[Ask]]:
    """A question of the widget: my store's token over their order, and their own token at my store."""

    def asks(two: Two) -> list[Ask]:
        ring, order = two.services.keyring, two.ids["order"]
        tokens = [grant(ring, store.id, [order], level="act") for store in (two.mine, two.theirs)]
        sent = {"json": {"order": str(order), **body}} if body is not None else {}
        path_here = f"/shop/{two.mine.key}/{path.format(**two.ids)}"
        return [(path_here, {"headers": {"Authorization": f"Bearer {token}"}, **sent, **more}) for token in tokens]

    return asks


def photo_link(two: Two) -> list[Ask]:
    stores = (two.mine, two.theirs)
    tokens = [album.token_of(two.services.keyring, store.id, two.ids["photo"]) for store in stores]
    return [(f"/shop/{two.mine.key}/photos/{token}", {}) for token in tokens]


def page(path: str, **form: str) -> Callable[[Two], list[Ask]]:
    """A page behind a link of my store's that names their order."""

    def asks(two: Two) -> list[Ask]:
        link = tracking_token(two.services.keyring, two.mine.id, two.ids["order"], 1)
        return [(f"/t/{link}/{path.format(**two.ids)}", {"data": form} if form else {})]

    return asks


def desk(path: str, **form: str) -> Callable[[Two], list[Ask]]:
    """A page of the desk: mine with their ids, and theirs."""

    def asks(two: Two) -> list[Ask]:
        filled = path.format(**two.ids)
        return [(f"/admin/{store.key}/{filled}", {"data": form} if form else {}) for store in (two.mine, two.theirs)]

    return asks


LINES = {"lines": [{"ref": "l1", "quantity": 1}]}
ROUTES: dict[str, Callable[[Two], list[Ask]]] = {
    "POST /shop/<key>/messages": shopper("messages", {"text": "hello"}),
    "GET /shop/<key>/returns/options": shopper("returns/options?order={order}"),
    "POST /shop/<key>/returns/quote": shopper("returns/quote", LINES),
    "POST /shop/<key>/returns": shopper("returns", LINES),
    "GET /shop/<key>/returns/<return_id>": shopper("returns/{rma}"),
    "POST /shop/<key>/returns/<return_id>/cancel": shopper("returns/{rma}/cancel", {}),
    "POST /shop/<key>/returns/<return_id>/sent": shopper("returns/{rma}/sent", {"tracking_number": "1"}),
    "POST /shop/<key>/cancel": shopper("cancel", {}),
    "POST /shop/<key>/photos": shopper("photos?order={order}", data=b"x"),
    "GET /shop/<key>/photos/<token>": photo_link,
    "POST /shop/<key>/withdrawals": shopper("withdrawals", LINES),
    "POST /shop/<key>/withdrawals/<withdrawal_id>/confirm": shopper("withdrawals/{withdrawal}/confirm", {}),
    "POST /shop/<key>/withdrawals/<withdrawal_id>/sent": shopper(
        "withdrawals/{withdrawal}/sent", {"tracking_number": "1"}
    ),
    "GET /shop/<key>/withdrawals/<withdrawal_id>": shopper("withdrawals/{withdrawal}"),
    "GET /admin/<key>/declarations/<int:declaration_id>": desk("declarations/{declaration}"),
    "POST /admin/<key>/declarations/<int:declaration_id>/<verb>": desk("declarations/{declaration}/close", note="x"),
    "POST /shop/<key>/receipts/check": shopper("receipts/check", {"hash": RECEIPT}),
    "GET /t/<token>/withdraw": page("withdraw"),
    "POST /t/<token>/withdraw": page("withdraw", **{"units.l1": "1"}),
    "GET /t/<token>/withdraw/<withdrawal_id>": page("withdraw/{withdrawal}"),
    "POST /t/<token>/withdraw/<withdrawal_id>/sent": page("withdraw/{withdrawal}/sent", proof="1"),
    "POST /t/<token>/withdraw/<withdrawal_id>": page("withdraw/{withdrawal}", seen="x"),
    "GET /admin/<key>/returns": desk("returns"),
    "GET /admin/<key>/returns/money": desk("returns/money"),
    "GET /admin/<key>/returns/<int:return_id>": desk("returns/{rma}"),
    "POST /admin/<key>/returns/<int:return_id>/<verb>": desk("returns/{rma}/receive"),
    "GET /admin/<key>/returns/<int:return_id>/photos/<int:photo_id>": desk("returns/{rma}/photos/{photo}"),
    "GET /admin/<key>/withdrawals": desk("withdrawals"),
    "GET /admin/<key>/withdrawals/<int:withdrawal_id>": desk("withdrawals/{withdrawal}"),
    "POST /admin/<key>/withdrawals/<int:withdrawal_id>/<verb>": desk("withdrawals/{withdrawal}/pay"),
    "POST /admin/<key>/money/<int:money_id>/<verb>": desk("money/{money}/retry"),
    "GET /admin/<key>/orders/<int:order_id>/return": desk("orders/{order}/return"),
    "POST /admin/<key>/orders/<int:order_id>/return": desk("orders/{order}/return", **{"quantity.l1": "1"}),
    "GET /admin/<key>/returns/policy": desk("returns/policy"),
    "POST /admin/<key>/returns/policy": desk("returns/policy", seen="2"),
    "GET /admin/<key>/returns/policy/file": desk("returns/policy/file"),
    "POST /admin/<key>/returns/policy/file": desk("returns/policy/file", seen="2"),
    "POST /admin/<key>/returns/policy/versions/<int:version>/restore": desk("returns/policy/versions/2/restore"),
    "GET /admin/<key>/returns/practice": desk("returns/practice"),
    "POST /admin/<key>/returns/practice": desk("returns/practice", version="1"),
}

# Jobs.

KINDS: dict[str, Callable[[Two], list[dict[str, Any]]]] = {
    "returns.reimburse": lambda two: [{"id": two.ids["money"]}],
    "returns.match_declaration": lambda two: [
        {
            "id": two.ids["declaration"],
            "proof": two.services.keyring.seal("x", store_id=two.mine.id, purpose="declaration").hex(),
        }
    ],
    "returns.send_receipt": lambda two: [
        {"withdrawal": two.ids["withdrawal"]},
        {"declaration": two.ids["declaration"]},
    ],
    "returns.cancel_order": lambda two: [{"id": two.ids["rma"]}],
    "returns.tell_platform": lambda two: [{"id": two.ids["rma"], "move": "approved"}],
    "returns.send_letter": lambda two: [{"id": two.ids["draft"]}, {"id": two.ids["sent"]}],
}

# Functions.

ASKED = Request((Asked("l1"),))
VERBS: dict[str, Callable[[Session, Two], Any]] = {
    "desk.history.steps_of": lambda s, two: history.steps_of(s, "RMA-1001", two.ids["order"], NOON),
    "desk.returns_queue.count_by_status": lambda s, two: returns_queue.count_by_status(s),
    "desk.returns_queue.count_clocks": lambda s, two: returns_queue.count_clocks(s, LATER),
    "desk.returns_queue.count_stuck": lambda s, two: returns_queue.count_stuck(s),
    "desk.returns_queue.count_waiting": lambda s, two: returns_queue.count_waiting(s),
    "desk.returns_queue.list_returns": lambda s, two: returns_queue.list_returns(s, show="all", typed="", most=9),
    "desk.returns_queue.list_stuck": lambda s, two: returns_queue.list_stuck(s, most=9),
    "desk.returns_queue.list_withdrawals": lambda s, two: returns_queue.list_withdrawals(s, running=False, most=9),
    "orders.entry.order_behind": lambda s, two: entry.order_behind(s, entry.Link(two.mine.id, two.ids["order"], 1)),
    "returns.album.find": lambda s, two: album.find(s, two.mine.id, two.ids["photo"]),
    "returns.books.lock_order": lambda s, two: lock_order(s, two.mine.id, two.ids["order"]),
    "returns.canceling.open_cancel": lambda s, two: canceling.open_cancel(
        s, two.mine, two.ids["order"], SHOPPER, now=LATER
    ),
    "returns.declaring.find_declaration": lambda s, two: declaring.find_declaration(
        s, two.mine.id, two.ids["declaration"]
    ),
    "returns.declaring.list_open": lambda s, two: declaring.list_open(s, most=9),
    "returns.receipts.may_mail": lambda s, two: receipts.may_mail(s, "k", now=LATER),
    "returns.lifecycle.find_return": lambda s, two: lifecycle.find_return(s, two.mine.id, two.ids["rma"]),
    "returns.opening.next_number": lambda s, two: opening.next_number(s, two.mine.id, "rma"),
    "returns.opening.open_return": lambda s, two: opening.open_return(
        s, two.mine, two.ids["order"], ASKED, SHOPPER, now=LATER
    ),
    "returns.past.past_cases": lambda s, two: list(past.past_cases(s, Policy(), Policy(), now=LATER)),
    "returns.policies.history": lambda s, two: policies.history(s),
    "returns.policies.policy_at": lambda s, two: policies.policy_at(s, two.mine, 2),
    "returns.policies.policy_of": lambda s, two: policies.policy_of(s, two.mine),
    "returns.policies.save": lambda s, two: policies.save(s, two.mine, Policy(), seen=1, who="Max", now=LATER),
    "returns.recognize.detect": lambda s, two: recognize.detect(s, [two.ids["order"]], now=LATER),
    "returns.telling.call_a_person": lambda s, two: telling.call_a_person(
        s, two.mine.id, two.ids["order"], "talk", now=LATER
    ),
    "returns.telling.note": lambda s, two: telling.note(s, two.ids["order"], "withdrawn", {}, now=LATER),
    "returns.views.lines_of": lambda s, two: views.lines_of(s, two.ids["order"]),
    "returns.visit.order_of": lambda s, two: visit.order_of(s, two.mine, two.ids["order"]),
    "returns.withdrawal.confirm": lambda s, two: withdrawal.confirm(s, two.mine, two.ids["withdrawal"], now=LATER),
    "returns.withdrawal.find_withdrawal": lambda s, two: withdrawal.find_withdrawal(
        s, two.mine.id, two.ids["withdrawal"]
    ),
    "returns.withdrawal.is_known_receipt": lambda s, two: withdrawal.is_known_receipt(s, RECEIPT),
    "returns.withdrawal.start": lambda s, two: withdrawal.start(s, two.mine, two.ids["order"], {}, now=LATER),
}
TAKE_ROWS = set(
    "conversations.shop.take_message desk.return_facts.titles_of desk.return_facts.view_return "
    "returns.album.keep returns.asking.consider returns.asking.facts_of returns.books.read_books "
    "returns.canceling.hindrance returns.declaring.close returns.declaring.declare "
    "returns.declaring.match_by_hand returns.receipts.mail_copy returns.receipts.mail_declared "
    "returns.withdrawal.note_sent returns.withdrawal.take_as_in_time returns.lifecycle.ask_approval "
    "returns.lifecycle.cancel returns.lifecycle.decide returns.lifecycle.expect returns.lifecycle.inspect "
    "returns.lifecycle.items_of returns.lifecycle.let_keep returns.lifecycle.note_lost "
    "returns.lifecycle.note_sent returns.lifecycle.receive returns.lifecycle.reopen "
    "returns.lifecycle.set_label returns.lifecycle.set_terms returns.mails.compose "
    "returns.options.view_options returns.payout.amount_of returns.payout.pay_if_due returns.payout.pay_now "
    "returns.payout.shares_of returns.reimburse.drop returns.reimburse.end returns.reimburse.mark_paid "
    "returns.reimburse.promise returns.reimburse.refresh returns.reimburse.retry returns.rights.right_of "
    "returns.telling.look_again returns.telling.tell_platform returns.telling.tell_shopper "
    "returns.views.amount_of returns.views.money_of returns.views.view_return returns.withdrawal.acknowledge "
    "returns.withdrawal.move returns.withdrawal.note_back returns.withdrawal.pay returns.withdrawal.quote_of".split()
)
REFUSALS = (
    album.PhotoNotFound, declaring.DeclarationNotFound, entry.LinkExpired, entry.NotHere, lifecycle.ReturnNotFound,
    withdrawal.WithdrawalNotFound,
)  # fmt: skip
