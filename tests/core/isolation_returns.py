"""How everything about returns is asked for another store's rows: their routes, jobs and functions, case by case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from core.desk import history_before_chain
from core.desk.returns import return_queue
from core.orders import shopper_auth
from core.platform.native_returns import ReturnLine, ReturnSnapshot, ReturnState, WithdrawalSnapshot
from core.returns import events
from core.returns.api import api_access
from core.returns.model import PolicyVersion, Reimbursement, Return, ReturnItem, ReturnPhoto, Withdrawal
from core.returns.money import cancel_order, detect_external_refund
from core.returns.money.order_balance import lock_order
from core.returns.native import mirror
from core.returns.photos import photo_storage
from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy
from core.returns.presenter import return_view
from core.returns.requests import canceling, lifecycle, opening
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest
from core.returns.simulation import policy_history
from core.returns.withdrawal import declarations, declare, declared_there, receipts
from core.returns.withdrawal.model import Declaration
from core.services import Services
from core.stores.tokens import shopper_token, tracking_token
from tests.conftest import NOON
from tests.core.private import TRACES
from tests.core.samples import anns_order
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
            native_ref="1/R1",
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
        document = {"policy": Policy.model_validate({"version": 2, "rules": [rule]}).model_dump_json()}
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
        tokens = [shopper_token(ring, store.id, [order], level="act") for store in (two.mine, two.theirs)]
        sent = {"json": {"order": str(order), **body}} if body is not None else {}
        path_here = f"/shop/{two.mine.key}/{path.format(**two.ids)}"
        return [(path_here, {"headers": {"Authorization": f"Bearer {token}"}, **sent, **more}) for token in tokens]

    return asks


def photo_link(two: Two) -> list[Ask]:
    stores = (two.mine, two.theirs)
    tokens = [photo_storage.token_of(two.services.keyring, store.id, two.ids["photo"]) for store in stores]
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
    "GET /shop/<key>/returns/variants": shopper("returns/variants?order={order}&line=l1"),
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
    "POST /admin/<key>/withdrawals/<int:withdrawal_id>/delivery-cost": desk(
        "withdrawals/{withdrawal}/delivery-cost", amount="1", reason="x"
    ),
    "POST /admin/<key>/withdrawals/<int:withdrawal_id>/lost-value": desk(
        "withdrawals/{withdrawal}/lost-value", amount="1", reason="x"
    ),
    "GET /admin/<key>/withdrawals/<int:withdrawal_id>/photos/<int:photo_id>": desk(
        "withdrawals/{withdrawal}/photos/{photo}"
    ),
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
    "GET /admin/<key>/returns/settings": desk("returns/settings"),
    "POST /admin/<key>/returns/settings": desk("returns/settings", version="1"),
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

ASKED = ReturnRequest((RequestedLine("l1"),))
NATIVE = anns_order(returns=(ReturnSnapshot("1/R1", "1", ReturnState.REQUESTED, lines=(ReturnLine("l1", 1),)),))
VERBS: dict[str, Callable[[Session, Two], Any]] = {
    "desk.history_before_chain.older_steps": lambda s, two: history_before_chain.older_steps(
        s, "RMA-1001", NOON, [], causes={}
    ),
    "desk.returns.return_queue.count_clocks": lambda s, two: return_queue.count_clocks(s, LATER),
    "desk.returns.return_queue.count_stuck": lambda s, two: return_queue.count_stuck(s),
    "desk.returns.return_queue.count_waiting": lambda s, two: return_queue.count_waiting(s),
    "desk.returns.return_queue.list_stuck": lambda s, two: return_queue.list_stuck(s, most=9),
    "orders.shopper_auth.order_of_link": lambda s, two: shopper_auth.order_of_link(
        s, shopper_auth.Link(two.mine.id, two.ids["order"], 1)
    ),
    "returns.photos.photo_storage.find": lambda s, two: photo_storage.find(s, two.mine.id, two.ids["photo"]),
    "returns.money.order_balance.lock_order": lambda s, two: lock_order(s, two.mine.id, two.ids["order"]),
    "returns.requests.canceling.request_cancellation": lambda s, two: canceling.request_cancellation(
        s, two.mine, two.ids["order"], SHOPPER, now=LATER
    ),
    "returns.withdrawal.declarations.find_declaration": lambda s, two: declarations.find_declaration(
        s, two.mine.id, two.ids["declaration"]
    ),
    "returns.withdrawal.declarations.list_open": lambda s, two: declarations.list_open(s, most=9),
    "returns.withdrawal.receipts.may_mail": lambda s, two: receipts.may_mail(s, "k", now=LATER),
    "returns.requests.lifecycle.find_return": lambda s, two: lifecycle.find_return(s, two.mine.id, two.ids["rma"]),
    "returns.requests.opening.next_number": lambda s, two: opening.next_number(s, two.mine.id, "rma"),
    "returns.requests.opening.open_return": lambda s, two: opening.open_return(
        s, two.mine, two.ids["order"], ASKED, SHOPPER, now=LATER
    ),
    "returns.simulation.policy_history.past_cases": lambda s, two: list(
        policy_history.past_cases(s, Policy(), Policy(), now=LATER)
    ),
    "returns.policy.policy_versions.history": lambda s, two: policy_versions.history(s),
    "returns.policy.policy_versions.policy_at": lambda s, two: policy_versions.policy_at(s, two.mine, 2),
    "returns.policy.policy_versions.policy_of": lambda s, two: policy_versions.policy_of(s, two.mine),
    "returns.policy.policy_versions.save_policy": lambda s, two: policy_versions.save_policy(
        s, two.mine, Policy(), seen=1, who="Max", now=LATER
    ),
    "returns.native.mirror.mirror_orders": lambda s, two: mirror.mirror_orders(
        s, two.mine, [NATIVE], [two.ids["order"]], now=LATER
    ),
    "returns.withdrawal.declared_there.take_over": lambda s, two: declared_there.take_over(
        s,
        two.mine,
        [replace(NATIVE, withdrawal_requested=WithdrawalSnapshot(NOON, {"l1": 1}))],
        [two.ids["order"]],
        now=LATER,
    ),
    "returns.native.mirror.order_of": lambda s, two: mirror.order_of(s, "1/R1"),
    "returns.money.detect_external_refund.detect": lambda s, two: detect_external_refund.detect(
        s, [two.ids["order"]], now=LATER
    ),
    "returns.money.cancel_order.look_at_canceled": lambda s, two: cancel_order.look_at_canceled(
        s, [two.ids["order"]], now=LATER
    ),
    "returns.events.request_case_closing": lambda s, two: events.request_case_closing(
        s, two.mine.id, two.ids["order"], "talk", now=LATER
    ),
    "returns.events.request_case": lambda s, two: events.request_case(
        s, two.mine.id, two.ids["order"], "talk", now=LATER
    ),
    "returns.events.record_event": lambda s, two: events.record_event(s, two.ids["order"], "withdrawn", {}, now=LATER),
    "returns.presenter.return_view.lines_of": lambda s, two: return_view.lines_of(s, two.ids["order"]),
    "returns.api.api_access.order_of": lambda s, two: api_access.order_of(s, two.mine, two.ids["order"]),
    "returns.withdrawal.declare.confirm": lambda s, two: declare.confirm(s, two.mine, two.ids["withdrawal"], now=LATER),
    "returns.withdrawal.declare.find_withdrawal": lambda s, two: declare.find_withdrawal(
        s, two.mine.id, two.ids["withdrawal"]
    ),
    "returns.withdrawal.declare.is_known_receipt": lambda s, two: declare.is_known_receipt(s, RECEIPT),
    "returns.withdrawal.declare.start": lambda s, two: declare.start(s, two.mine, two.ids["order"], {}, now=LATER),
}
TAKE_ROWS = set(
    "conversations.leave_message.add_shopper_message desk.history.steps_of desk.returns.return_facts.titles_of "
    "returns.audit_entries.note_act "
    "desk.returns.return_facts.view_return returns.photos.photo_storage.keep "
    "returns.requests.evaluate_request.evaluate returns.requests.evaluate_request.facts_of "
    "returns.money.order_balance.read_balance returns.requests.canceling.cancel_obstacle "
    "returns.requests.lifecycle.ask_approval returns.requests.lifecycle.cancel "
    "returns.requests.approval_limit.check_limit returns.requests.approval_limit.left_of_limit "
    "returns.requests.lifecycle.decide returns.requests.lifecycle.inspect "
    "returns.requests.lifecycle.items_of returns.requests.lifecycle.let_keep "
    "returns.requests.lifecycle.note_sent "
    "returns.requests.lifecycle.receive returns.requests.lifecycle.reopen "
    "returns.requests.return_terms.set_label returns.requests.return_terms.set_terms "
    "returns.requests.lifecycle.start_way_back returns.native.begun_there.open_begun "
    "returns.native.conflicts.note_conflict returns.native.conflicts.settle_conflict "
    "returns.native.paid_there.take_over returns.native.paid_there.waive returns.native.platform_moves.move_of "
    "returns.native.steps.take_steps "
    "returns.money.goods_dispositions.settled_return "
    "returns.mail.send_letters.compose returns.presenter.return_options.view_options "
    "returns.money.payout.amount_of returns.money.payout.pay_if_due returns.money.payout.pay_now "
    "returns.money.payout.settle_by_parts returns.money.part_payments.parts_of "
    "returns.money.payout.shares_of returns.money.reimburse.drop returns.money.reimburse.end "
    "returns.money.reimburse.mark_paid returns.money.reimburse.promise returns.money.reimburse.refresh "
    "returns.money.reimburse.note_booked "
    "returns.money.reimburse.retry returns.law.withdrawal_rights.right_of returns.events.request_order_refresh "
    "returns.events.request_platform_update returns.events.request_letter returns.presenter.return_view.amount_of "
    "returns.presenter.return_view.money_of returns.presenter.return_view.view_return "
    "returns.withdrawal.declarations.close returns.withdrawal.declarations.declare "
    "returns.withdrawal.declarations.match_by_hand returns.withdrawal.receipts.mail_copy "
    "returns.withdrawal.receipts.mail_declared returns.withdrawal.declare.note_sent "
    "returns.withdrawal.declare.take_as_in_time "
    "returns.withdrawal.declare.acknowledge returns.withdrawal.declare.move "
    "returns.withdrawal.declare.record_goods_back returns.withdrawal.declare.pay "
    "returns.withdrawal.refund_terms.quote_of returns.withdrawal.refund_terms.refund_of "
    "returns.withdrawal.refund_terms.set_delivery_cost returns.withdrawal.refund_terms.check_open "
    "returns.withdrawal.lost_value.may_deduct returns.withdrawal.lost_value.deduct_lost_value "
    "returns.withdrawal.lost_value.photos_of returns.photos.photo_storage.keep_for_withdrawal "
    "returns.withdrawal.declare.note_goods_here".split()
)
REFUSALS = (
    photo_storage.PhotoNotFound,
    shopper_auth.LinkExpired,
    shopper_auth.NotHere,
    lifecycle.ReturnNotFound,
    declarations.DeclarationNotFound,
    declare.WithdrawalNotFound,
)
