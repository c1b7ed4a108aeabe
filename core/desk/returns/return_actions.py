"""The buttons of a return's page: each is one verb of the returns slice; what it refuses is said beside its form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.flash_messages import above_limit, not_possible, read_amount, reason_needed
from core.desk.page import desk, staff_name
from core.desk.returns.return_pages import print_return
from core.desk.versions.row_version import check_version
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.returns.model import Return
from core.returns.money import payout
from core.returns.presenter import exchange_view
from core.returns.requests import lifecycle, return_terms
from core.returns.requests.lifecycle import Actor, ItemInspection, ReasonNeeded, ReturnNotFound
from core.returns.return_settings import AboveLimit
from core.returns.states import IllegalMove
from core.stores import staff

_NO = (AboveLimit, IllegalMove, ReasonNeeded, ReturnNotFound, ValueError)
GRADES = ("new", "used", "damaged")
_RESTOCK = {"yes": True, "no": False}


def by_me() -> Actor:
    """Name whoever sits at the desk, with their role."""
    return Actor(staff_name(), g.person.role, g.person.ref)


@desk.post("/<key>/returns/<int:return_id>/<verb>")
@versioned(lambda key, return_id, verb: print_return(return_id))
def move_return(key: str, return_id: int, verb: str) -> BaseResponse | tuple[str, int]:
    """Do one thing with a return; what is refused is said where it was asked, and nothing typed is lost."""
    staff.require(g.person, staff.MAY_ACT)
    act = _VERBS.get(verb)
    if act is None:
        abort(404)
    app = services()
    now = app.clock()
    try:
        with app.db.transaction(g.store.id) as session:
            rma = lifecycle.find_return(session, g.store.id, return_id)
            check_version(session, rma)
            preview = act(session, rma, now)
    except _NO as error:
        return _refuse(return_id, verb, error)
    if preview:
        return print_return(return_id, preview=preview), 200
    return redirect(url_for("desk.show_return", key=key, return_id=return_id, done=1))


def _refuse(return_id: int, verb: str, error: Exception) -> tuple[str, int]:
    """Say beside the form why not."""
    say = words()
    if isinstance(error, ReturnNotFound):
        abort(404)
    if isinstance(error, IllegalMove):
        return print_return(return_id, {"": not_possible()}), 409
    if isinstance(error, AboveLimit):
        return print_return(return_id, {"": above_limit(error, say)}), 403
    if isinstance(error, ReasonNeeded):
        return print_return(return_id, {verb: reason_needed(say)}), 422
    if verb == "label":
        problem = say.pgettext("desk", "Give the label's web address, beginning with https://.")
        return print_return(return_id, {verb: problem}), 422
    problem = say.pgettext("desk", "Give numbers that can be: no more than came back, amounts such as 4.90.")
    return print_return(return_id, {verb: problem}), 422


def _note() -> str:
    return request.form.get("note", "").strip()


def _decide(move: str) -> Callable[[Session, Return, datetime], str]:
    def act(session: Session, rma: Return, now: datetime) -> str:
        lifecycle.decide(session, g.store, rma, by_me(), move, note=_note(), now=now)
        return ""

    return act


def _ask(session: Session, rma: Return, now: datetime) -> str:
    lifecycle.ask_approval(session, rma, by_me(), now=now)
    return ""


def _cancel(session: Session, rma: Return, now: datetime) -> str:
    lifecycle.cancel(session, rma, by_me(), note=_note(), now=now)
    return ""


def _reopen(session: Session, rma: Return, now: datetime) -> str:
    lifecycle.reopen(session, rma, by_me(), note=_note(), now=now)
    return ""


def _sent(session: Session, rma: Return, now: datetime) -> str:
    number = request.form.get("number", "").strip()
    lifecycle.note_sent(session, g.store, rma, by_me(), number=number, now=now)
    return ""


def _receive(session: Session, rma: Return, now: datetime) -> str:
    lifecycle.receive(session, g.store, rma, by_me(), now=now)
    return ""


def _keep(session: Session, rma: Return, now: datetime) -> str:
    lifecycle.let_keep(session, g.store, rma, by_me(), note=_note(), now=now)
    return ""


def _pay(session: Session, rma: Return, now: datetime) -> str:
    payout.pay_now(session, g.store, rma, by=staff_name(), now=now)
    return ""


def _label(session: Session, rma: Return, now: datetime) -> str:
    return_terms.set_label(session, rma, url=request.form.get("url", "").strip(), now=now)
    return ""


def _terms(session: Session, rma: Return, now: datetime) -> str:
    fees = {
        name.removeprefix("fee."): read_amount(typed, rma.currency)
        for name, typed in request.form.items()
        if name.startswith("fee.")
    }
    shipping = read_amount(request.form.get("shipping", ""), rma.currency)
    return_terms.set_terms(
        session, g.store, rma, by_me(), fees=fees, shipping=shipping, reason=request.form.get("reason", ""), now=now
    )
    return ""


def _inspect(session: Session, rma: Return, now: datetime) -> str:
    """Write the inspection down; pressed with `try`, only say what it would pay, in a savepoint that is taken back."""
    found = [_found(item.id, item.quantity) for item in lifecycle.items_of(session, rma)]
    if "try" not in request.form:
        lifecycle.inspect(session, g.store, rma, found, by_me(), now=now)
        return ""
    with session.begin_nested() as point:
        for item, one in zip(lifecycle.items_of(session, rma), found, strict=True):
            if min(one.accepted, one.missing) < 0 or one.accepted + one.missing > item.quantity:
                raise ValueError("more pass than were sent back")
            item.accepted = one.accepted
        session.flush()
        amount = payout.amount_of(session, g.store, rma, now=now)
        shares = payout.shares_of(session, rma)
        settlement = exchange_view.of_shares(shares)
        exchange = exchange_view.sentence_for_staff(words(), settlement, rma.currency) if settlement else ""
        money = sum(share.quote.total for share in shares if share.kind != "exchange")
        point.rollback()
    if exchange:
        paid = words().pgettext("desk", "This would pay %(amount)s.", amount=words().money(money, rma.currency))
        return f"{exchange} {paid}" if money else exchange
    return words().pgettext("desk", "This would pay %(amount)s.", amount=words().money(amount, rma.currency))


def _found(item_id: int, quantity: int) -> ItemInspection:
    said = request.form
    grade = said.get(f"grade.{item_id}", "")
    return ItemInspection(
        item_id,
        accepted=int(said.get(f"accepted.{item_id}", quantity)),
        grade=grade if grade in GRADES else "",
        restock=_RESTOCK.get(said.get(f"restock.{item_id}", "")),
        note=said.get(f"note.{item_id}", "").strip(),
        missing=int(said.get(f"missing.{item_id}") or 0),
    )


_VERBS: dict[str, Callable[[Session, Return, datetime], str]] = {
    "approve": _decide("approve"),
    "decline": _decide("decline"),
    "ask": _ask,
    "cancel": _cancel,
    "reopen": _reopen,
    "sent": _sent,
    "receive": _receive,
    "keep": _keep,
    "pay": _pay,
    "terms": _terms,
    "label": _label,
    "inspect": _inspect,
}
"""What a button does; it gives a sentence instead of acting where it was only tried."""
