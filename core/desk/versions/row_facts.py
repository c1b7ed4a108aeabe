"""The facts of each kind of row that staff decide on, from which its version is made.

A fact belongs here if a person who knew it might decide otherwise: a state, an amount, a decision and its reason, what
was inspected, who waits for whom. What only the machine moves on by itself is left out, or every page would be stale
a few seconds after it was drawn: a promised payment that goes from pending to issued while its return is inspected, a
reply on its way to the store, the ref and state of the platform's own return, a job's lease.

A page asks for the version before it reads the rest: what changes while it is drawn makes its form stale, never wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations.model import Case
from core.jobs.queue import Job
from core.orders.messages.notice import Notice
from core.orders.messages.send_notice import notices_of_message
from core.orders.model import Order, Shipment
from core.returns.model import Reimbursement, Return, ReturnItem, Withdrawal
from core.returns.money import payout
from core.returns.money.order_balance import read_balance
from core.returns.money.refund_amount import MoreThanBought, NothingLeft
from core.returns.requests.lifecycle import items_of
from core.returns.withdrawal import refund_terms
from core.returns.withdrawal.model import Declaration
from core.reviews.model import Review
from core.reviews.replies import replies_of
from core.shipping import notice_actions
from core.stores.model import ConnectedSource, Staff, Store, StoreClaim


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a store's settings."""

    store: Store
    name: str


@dataclass(frozen=True, slots=True)
class CurrentPolicy:
    """The return policy that holds, by its number."""

    version: int


@dataclass(frozen=True, slots=True)
class ReturnableGoods:
    """What is left of an order that a return could be opened for."""

    order: Order


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What is kept of an order's shopper; `orders` is how many orders an erasure reaches."""

    order: Order
    orders: int


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether a store lets us in, and when a closed one is tried again."""

    store: Store


@dataclass(frozen=True, slots=True)
class OwnChoices:
    """What a person chose for themselves: the desk's language, and whether its shortcuts are on."""

    person: Staff


@singledispatch
def facts_of(row: Any, session: Session) -> tuple[Any, ...]:
    """Give the facts of a row that staff decide on. Raises NotImplementedError for a kind that no form shows."""
    raise NotImplementedError(f"say what staff decide on of {type(row).__name__}")


@facts_of.register
def _(row: Return, session: Session) -> tuple[Any, ...]:
    items = [(*_asked(one), *_found(one)) for one in items_of(session, row)]
    states = (row.acceptance, row.reception, _stage_of_money(row.reimbursement), row.answer, row.native_conflict)
    decision = (row.decided_by, row.decided_at, row.note, row.approval_asked_by, _entries(row))
    terms = (row.policy_version, row.refund_when, row.fees, row.shipping, row.label_url, row.return_by)
    return (*states, *decision, *terms, items, _amount(session, row))


def _asked(item: ReturnItem) -> tuple[Any, ...]:
    return (item.id, item.quantity, item.wish, item.exchange_for, item.exchange_price)


def _found(item: ReturnItem) -> tuple[Any, ...]:
    return (item.accepted, item.missing, item.grade, item.restock, item.note)


def _amount(session: Session, row: Return) -> int | None:
    """Give what a return would bring; None where it brings nothing, or where its money stands in rows of its own."""
    if row.acceptance in ("declined", "canceled") or row.reimbursement not in ("none", "waived"):
        return None
    try:
        return sum(share.quote.total for share in payout.shares_of(session, row))
    except (NothingLeft, MoreThanBought):
        return None


def _stage_of_money(state: str) -> str:
    """Give pending and issued one name: the worker goes from one to the other by itself, seconds after the promise."""
    return "promised" if state in ("pending", "issued") else state


def _entries(row: Return | Withdrawal | Reimbursement) -> list[str]:
    """List the audit entries that gave a reason: declined and taken up again is not what it was before."""
    return [kept["entry"] for kept in row.reasons]


@facts_of.register
def _(row: Reimbursement, _session: Session) -> tuple[Any, ...]:
    return (row.state, row.amount, row.currency, row.kind, row.tries, row.paid, row.sentence, row.obstacle)


@facts_of.register
def _(row: Withdrawal, session: Session) -> tuple[Any, ...]:
    store, order = session.get_one(Store, row.store_id), session.get_one(Order, (row.store_id, row.order_id))
    money = sa.select(Reimbursement.id).where(Reimbursement.withdrawal_id == row.id).order_by(Reimbursement.id)
    promised = list(session.scalars(money))
    state = "paid" if promised and row.state in ("acknowledged", "reimbursed") else row.state
    told = (row.late, row.note, row.nothing_to_send, row.goods_back_at, row.sent_at, row.sent_proof)
    terms = (row.lines, row.delivery_cost, row.lost_value, row.lost_value_reason, row.refund_due)
    try:
        amount = None if promised else refund_terms.quote_of(session, store, row, order).total
    except (NothingLeft, MoreThanBought):
        amount = None
    return (state, *told, *terms, _entries(row), promised, amount)


@facts_of.register
def _(row: Declaration, _session: Session) -> tuple[Any, ...]:
    return (row.state, row.withdrawal_id, row.note)


@facts_of.register
def _(row: Review, session: Session) -> tuple[Any, ...]:
    written = replies_of(session, row)
    keys = {one.key for one in written}
    elsewhere = [(one.get("ref"), one["text"]) for one in row.replies if one.get("key") not in keys]
    ours = [(one.id, one.version, one.removed_at, one.state == "stuck") for one in written]
    return (row.rating, row.title, row.text, row.state, elsewhere, ours)


@facts_of.register
def _(row: Notice, session: Session) -> tuple[Any, ...]:
    news = notices_of_message(session, row)
    told = [(one.id, one.state, one.kind, one.promised_by, one.expected_by, one.facts) for one in news]
    parcels = [
        (one.id, one.promised_by, one.delivered_at, one.answer, one.tracking_number, *_window(one))
        for one in notice_actions.parcels_of(session, news)
    ]
    return (told, parcels)


def _window(parcel: Shipment) -> tuple[Any, ...]:
    return (parcel.expected_earliest, parcel.expected_likely, parcel.expected_latest)


@facts_of.register
def _(row: Case, _session: Session) -> tuple[Any, ...]:
    return (row.state, row.kind, row.subject, row.order_id)


@facts_of.register
def _(row: Job, _session: Session) -> tuple[Any, ...]:
    return (row.state, row.reason, row.run_at)


@facts_of.register
def _(row: StoreClaim, _session: Session) -> tuple[Any, ...]:
    return (row.ref, row.is_live, row.found_at)


@facts_of.register
def _(row: ConnectedSource, session: Session) -> tuple[Any, ...]:
    checks = (Job.kind == "reviews.check_source", Job.key == f"check_source:{row.id}", Job.state == "waiting")
    waiting = sa.select(sa.func.min(Job.run_at)).where(*checks)
    return (row.state, row.state_reason, row.connected_at, session.scalar(waiting))


@facts_of.register
def _(row: Staff, _session: Session) -> tuple[Any, ...]:
    return (row.role, row.email, row.session_version)


@facts_of.register
def _(row: OwnChoices, _session: Session) -> tuple[Any, ...]:
    return (row.person.chosen_language, row.person.uses_keys)


@facts_of.register
def _(row: Section, _session: Session) -> tuple[Any, ...]:
    return (row.store.settings.get(row.name, {}),)


@facts_of.register
def _(row: CurrentPolicy, _session: Session) -> tuple[Any, ...]:
    return (row.version,)


@facts_of.register
def _(row: ReturnableGoods, session: Session) -> tuple[Any, ...]:
    return (sorted(read_balance(session, row.order).left.items()), row.order.erased_at)


@facts_of.register
def _(row: PersonalData, _session: Session) -> tuple[Any, ...]:
    return (row.order.erased_at, row.orders)


@facts_of.register
def _(row: Connection, session: Session) -> tuple[Any, ...]:
    waiting = sa.select(sa.func.min(Job.run_at)).where(Job.kind == "stores.reopen", Job.state == "waiting")
    return (row.store.state, row.store.state_reason, row.store.closed_at, session.scalar(waiting))
