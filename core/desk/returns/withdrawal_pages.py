"""Legal withdrawals at the desk: which clock runs out first, one withdrawal with its receipt, and what may be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from flask import abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.flash_messages import actor_name, not_possible, reason_needed
from core.desk.history import Step, steps_of
from core.desk.lists.kinds import withdrawals
from core.desk.lists.list_page import show_list
from core.desk.page import desk, show_page, staff_name
from core.desk.returns import return_queue
from core.desk.returns.return_buttons import Button
from core.desk.returns.return_facts import Money, PayoutView, entries_of, pay_link, payout_view_of, titles_in
from core.desk.returns.return_pages import fields_of
from core.desk.versions.row_version import check_version, version_of
from core.desk.versions.stale_forms import typed_verb, versioned
from core.http.context import services, words
from core.i18n.words import Words
from core.money import to_decimal
from core.orders.model import Order
from core.returns.audit_entries import note_act
from core.returns.law.withdrawal_law import line_exemption, pack_date
from core.returns.model import Reimbursement, Withdrawal
from core.returns.money.order_balance import read_balance
from core.returns.money.refund_amount import MoreThanBought, NothingLeft
from core.returns.presenter.display_names import exemption_in_law
from core.returns.requests.lifecycle import Actor, ReasonNeeded
from core.returns.states import WITHDRAWAL, IllegalMove
from core.returns.withdrawal import declarations, declare, lost_value, refund_terms
from core.returns.withdrawal.declare import WithdrawalNotFound
from core.returns.withdrawal.refund_terms import DeliveryCost
from core.stores import staff

_PAGE = 50
_MOVES = ("contest", "uphold", "refuse")


@dataclass(frozen=True, slots=True)
class WithdrawalView:
    """What the page shows of one withdrawal. `given` is None where nothing is left to pay back."""

    row: Withdrawal
    order: Order
    things: Sequence[tuple[str, int, str]]
    """(title, quantity, the legal ground named against it)"""
    given: PayoutView | None
    money: Sequence[Money]
    history: Sequence[Step]
    clock: return_queue.Clock
    cost: DeliveryCost | None
    """How much of the delivery cost comes back; None once its money is promised, or where nothing is left."""
    may_deduct: bool
    """Whether lost value may be deducted now."""
    photos: Sequence[int]
    """Ids of those that show what the goods lost."""


@desk.get("/<key>/withdrawals")
def list_withdrawals(key: str) -> str:
    """The withdrawals whose clock runs, the nearest day first; or all."""
    return show_list(
        withdrawals.LIST,
        "withdrawals",
        more=lambda session: {"orderless": declarations.list_open(session, most=_PAGE), "as_of": pack_date()},
    )


@desk.get("/<key>/withdrawals/<int:withdrawal_id>")
def show_withdrawal(key: str, withdrawal_id: int) -> str:
    """One withdrawal: what was declared, its receipt, its clock, and what may be done."""
    return print_withdrawal(withdrawal_id)


def print_withdrawal(withdrawal_id: int, problems: Mapping[str, str] | None = None) -> str:
    """Print a withdrawal's page; `problems` maps a verb, or "" for the whole page, to what went wrong with it."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        row = _find(session, withdrawal_id)
        order = session.get_one(Order, (g.store.id, row.order_id))
        version, view = version_of(session, row), _view(session, row, order, app.clock())
        may_act = g.person.role in staff.MAY_ACT
        return show_page(
            "withdrawal",
            view=view,
            buttons=_buttons(view, words()) if may_act else [],
            may_act=may_act,
            delivery_cost=f"{to_decimal(view.cost.due, view.row.currency):f}" if view.cost else "",
            problems=problems or {},
            fields=fields_of(problems or {}) | {"delivery-cost": "delivery-amount", "lost-value": "lost-amount"},
            version=version,
            row_version=partial(version_of, session),
            typed_verb=typed_verb(),
            typed=request.form,
            as_of=pack_date(),
            actor_name=actor_name,
        )


@desk.post("/<key>/withdrawals/<int:withdrawal_id>/<verb>")
@versioned(lambda key, withdrawal_id, verb: print_withdrawal(withdrawal_id))
def move_withdrawal(key: str, withdrawal_id: int, verb: str) -> BaseResponse | tuple[str, int]:
    """Note the goods, pay, contest, uphold or refuse; what is refused is said where it was asked."""
    staff.require(g.person, staff.MAY_ACT)
    act = _VERBS.get(verb)
    if act is None:
        abort(404)
    app, say = services(), words().pgettext
    try:
        with app.db.transaction(g.store.id) as session:
            row, _ = declare.find_withdrawal(session, g.store.id, withdrawal_id)
            check_version(session, row)
            act(session, row, app.clock())
    except WithdrawalNotFound:
        abort(404)
    except ReasonNeeded:
        return print_withdrawal(withdrawal_id, {verb: reason_needed(words())}), 422
    except IllegalMove:
        return print_withdrawal(withdrawal_id, {"": not_possible()}), 409
    except (NothingLeft, MoreThanBought):
        problem = say("desk", "Nothing of this order is left to pay back.")
        return print_withdrawal(withdrawal_id, {"": problem}), 409
    return redirect(url_for("desk.show_withdrawal", key=key, withdrawal_id=withdrawal_id, done=1))


def _find(session: Session, withdrawal_id: int) -> Withdrawal:
    row = session.get(Withdrawal, (g.store.id, withdrawal_id))
    if row is None or row.declared_at is None:
        abort(404)
    return row


def _view(session: Session, row: Withdrawal, order: Order, now: datetime) -> WithdrawalView:
    money = list(session.scalars(sa.select(Reimbursement).where(Reimbursement.withdrawal_id == row.id)))
    given, cost = _refund(session, row, order, money)
    causes = dict.fromkeys(("withdrawn", "withdrawal_sent", "withdrawal_retracted"), "shopper")
    return WithdrawalView(
        row=row,
        order=order,
        things=[
            (line["title"], line["quantity"], exemption_in_law(words(), line_exemption(line), row.country))
            for line in row.lines
        ],
        given=given,
        money=[Money(one, pay_link(one, order)) for one in money],
        history=steps_of(session, row, money=money, causes=causes),
        clock=return_queue.clock_of(row, now),
        cost=cost,
        may_deduct=not money and lost_value.may_deduct(session, g.store, row),
        photos=lost_value.photos_of(session, row) if row.lost_value else (),
    )


def _refund(
    session: Session, row: Withdrawal, order: Order, money: Sequence[Reimbursement]
) -> tuple[PayoutView | None, DeliveryCost | None]:
    """Give what was promised; before that what is due, with the delivery cost in it, where there is any."""
    titles = titles_in(read_balance(session, order, apart_from=row).lines)
    if money:
        return payout_view_of(money[0], titles, words()), None
    try:
        due, cost = refund_terms.refund_of(session, g.store, row, order)
    except (NothingLeft, MoreThanBought):
        return None, None
    shown = PayoutView("refund", due.total, entries_of(due.explanation, titles, words()))
    return shown, cost if cost.left and row.state in refund_terms.OPEN else None


def _buttons(view: WithdrawalView, language: Words) -> list[Button]:
    """List what may be done now, paying first: the law gives it a last day."""
    row, say = view.row, language.pgettext
    able = {move for state, move in WITHDRAWAL if state == row.state}
    amount = language.money(view.given.amount, row.currency) if view.given else ""
    buttons = []
    if row.state == "declared":
        hint = say("desk", "The receipt is mailed by itself. Where that fails, hand it over another way.")
        buttons.append(Button("receipt", say("desk", "Note that the shopper has the receipt"), hint))
    if "reimburse" in able and view.given and not view.money:
        buttons.append(Button("pay", say("desk", "Refund %(amount)s now", amount=amount), primary=True))
    if row.state in ("declared", "acknowledged", "contested") and not row.goods_back_at and not row.nothing_to_send:
        pays = row.state == "acknowledged" and bool(amount) and not view.money and not row.late
        hint = say("desk", "This refunds %(amount)s at once.", amount=amount) if pays else ""
        if pays and view.may_deduct:
            hint += " " + say("desk", "Have they lost value? Then deduct it below instead.")
        buttons.append(Button("back", say("desk", "Note that the goods are back"), hint))
        if not row.sent_at:
            what = say("desk", "What proves it, such as a tracking number")
            hint = say("desk", "The money may not be withheld from then on.")
            buttons.append(Button("sent", say("desk", "Note proof of sending"), hint, note=what, must=True))
    if row.late and row.state in ("declared", "acknowledged", "contested"):
        hint = say("desk", "From then on it is a withdrawal like any other.")
        buttons.append(Button("in_time", say("desk", "Take it as in time"), hint))
    if "uphold" in able:
        buttons.append(Button("uphold", say("desk", "Accept it after all"), primary=True))
    why = say("desk", "Reason, for the shopper")
    if "contest" in able and not view.money:
        hint = say("desk", "The shopper is told why; a person must answer them.")
        buttons.append(Button("contest", say("desk", "Contest it"), hint, note=why, must=True))
    if "refuse" in able:
        buttons.append(Button("refuse", say("desk", "Refuse it"), note=why, must=True))
    return buttons


def _by_me() -> Actor:
    return Actor(staff_name(), g.person.role, g.person.ref)


def _receipt(session: Session, row: Withdrawal, now: datetime) -> None:
    if row.state != "declared":
        raise IllegalMove("withdrawal", row.state, "acknowledge")
    declare.acknowledge(session, row, now=now)
    note_act(session, row, "hand_over_receipt", now=now)


def _back(session: Session, row: Withdrawal, now: datetime) -> None:
    declare.record_goods_back(session, g.store, row, _by_me(), now=now)


def _sent(session: Session, row: Withdrawal, now: datetime) -> None:
    proof = request.form.get("note", "")
    declare.note_sent(session, g.store, row, _by_me(), proof=proof, now=now)


def _pay(session: Session, row: Withdrawal, now: datetime) -> None:
    declare.pay(session, g.store, row, _by_me(), now=now)


def _move(verb: str) -> Callable[[Session, Withdrawal, datetime], None]:
    def act(session: Session, row: Withdrawal, now: datetime) -> None:
        declare.move(session, row, verb, _by_me(), note=request.form.get("note", "").strip(), now=now)

    return act


def _in_time(session: Session, row: Withdrawal, now: datetime) -> None:
    declare.take_as_in_time(session, row, _by_me(), now=now)


_VERBS = {
    "receipt": _receipt,
    "in_time": _in_time,
    "back": _back,
    "sent": _sent,
    "pay": _pay,
    **{verb: _move(verb) for verb in _MOVES},
}
