"""Which buttons a return's page shows, and what each says that it does: the amount it moves stands on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.desk.returns.return_facts import ReturnView
from core.i18n.words import Words
from core.returns.money.payout import STAGES
from core.returns.presenter.sentences import refund_when
from core.returns.states import legal_moves


@dataclass(frozen=True, slots=True)
class Button:
    """A move that may be made now. `note` labels a field for a reason ("" for none); `must` says one is needed."""

    verb: str
    label: str
    hint: str = ""
    note: str = ""
    must: bool = False
    primary: bool = False


def buttons_of(view: ReturnView, most: int | None, currency: str, words: Words) -> list[Button]:
    """List the moves somebody may make who may give back so much alone, those that end the waiting first.

    `most` is minor units of `currency`, the store's; None for no limit.
    """
    legal = {move for _, move in legal_moves(view.rma.standing)}
    goods_move = view.rma.kind != "cancel"
    return [
        *(_approval(view, most, currency, words) if "approve" in legal else ()),
        *(_reception(view, words, legal) if goods_move else ()),
        *(_payment(view, words) if "promise" in legal and goods_move else ()),
        *(_refusal(words, legal)),
    ]


def may_inspect(view: ReturnView) -> bool:
    """Say whether the inspection form belongs on the page."""
    return view.rma.reception == "received" and view.rma.acceptance not in ("declined", "canceled")


def may_set_terms(view: ReturnView) -> bool:
    """Say whether fees and shipping can still be changed."""
    return view.rma.reimbursement == "none" and view.rma.acceptance in ("requested", "approved")


def pays_at(view: ReturnView, reception: str, acceptance: str = "approved") -> bool:
    """Say whether the money would be promised at once if the goods were there."""
    rma = view.rma
    due = acceptance == "approved" and rma.reimbursement == "none" and rma.kind != "cancel"
    return due and reception in STAGES[rma.refund_when]


def _approval(view: ReturnView, most: int | None, currency: str, words: Words) -> Iterator[Button]:
    say, rma = words.pgettext, view.rma
    amount = words.money(view.amount, rma.currency)
    note = say("desk", "Reason, for the shopper") if rma.answer == "decline" else ""
    counted = view.order.rate.convert(view.amount, currency)
    if most is not None and (counted is None or counted > most):
        values = {"most": words.money(most, currency), "amount": amount}
        hint = say("desk", "You may give back up to %(most)s; this comes to %(amount)s.", **values)
        yield Button("ask", say("desk", "Ask for approval"), hint, primary=True)
        return
    if not view.amount:
        label, hint = say("desk", "Approve"), ""
    elif rma.kind == "cancel":
        label, hint = say("desk", "Cancel the order and refund %(amount)s", amount=amount), ""
    elif pays_at(view, _reception_after_approval(view)):
        label, hint = say("desk", "Approve and refund %(amount)s", amount=amount), ""
        if view.exchange:
            label, hint = say("desk", "Approve and exchange"), view.exchange
        elif not _is_refund(view):
            label = say("desk", "Approve and give %(amount)s", amount=amount)
    else:
        label = say("desk", "Approve") if view.exchange else say("desk", "Approve for %(amount)s", amount=amount)
        hint = view.exchange or refund_when(words, rma.refund_when)
    yield Button("approve", label, hint, note, must=bool(note), primary=True)


def _is_refund(view: ReturnView) -> bool:
    return all(one.kind == "refund" for one in view.given)


def _reception_after_approval(view: ReturnView) -> str:
    keeps = all(thing.item.wish == "keep" for thing in view.things)
    return "kept" if keeps and view.rma.reception == "awaited" else view.rma.reception


def _reception(view: ReturnView, words: Words, legal: set[str]) -> Iterator[Button]:
    say, rma = words.pgettext, view.rma
    amount = words.money(view.amount, rma.currency)

    def paying(reception: str) -> str:
        if not view.amount or not pays_at(view, reception, rma.acceptance):
            return ""
        if view.exchange:
            return view.exchange
        if _is_refund(view):
            return say("desk", "This refunds %(amount)s at once.", amount=amount)
        return say("desk", "This gives %(amount)s at once.", amount=amount)

    if rma.acceptance in ("declined", "canceled"):
        legal = legal & {"receive"}
    if "receive" in legal:
        yield Button("receive", say("desk", "Note that it has arrived"), paying("received"))
    if "scan" in legal:
        yield Button("sent", say("desk", "Note that it is on its way"), paying("on_its_way"))
    if "let_keep" in legal:
        label = say("desk", "Let the shopper keep it")
        yield Button("keep", label, paying("kept"), note=say("desk", "Note, for your colleagues"))


def _payment(view: ReturnView, words: Words) -> Iterator[Button]:
    if view.given:
        say, amount = words.pgettext, words.money(view.amount, view.rma.currency)
        label = say("desk", "Refund %(amount)s now", amount=amount)
        if view.exchange:
            label = say("desk", "Exchange now")
        elif not _is_refund(view):
            label = say("desk", "Give %(amount)s now", amount=amount)
        hint = say("desk", "Without waiting for the goods or their inspection.")
        yield Button("pay", label, hint if view.rma.reception != "inspected" else "")


def _refusal(words: Words, legal: set[str]) -> Iterator[Button]:
    say = words.pgettext
    why = say("desk", "Reason, for the shopper")
    if "decline" in legal:
        yield Button("decline", say("desk", "Decline"), note=why, must=True)
    if "cancel" in legal:
        hint = say("desk", "When the shopper has changed their mind.")
        yield Button("cancel", say("desk", "Take the request back"), hint)
    if "reopen" in legal:
        yield Button("reopen", say("desk", "Take it up again"), note=say("desk", "Reason"), must=True)
