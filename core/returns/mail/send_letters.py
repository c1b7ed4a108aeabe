"""The letters of returns as they leave: facts read at that moment, words from `letters`, one job a letter.

Decisions, money and legal receipts go out even where the shopper stopped messages: they are part of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.i18n.words import Words, negotiate
from core.jobs.queue import Kind, Work
from core.mail.layout import Written
from core.orders.links import order_url
from core.orders.messages.envelope import Envelope, domain_of, sender_of
from core.orders.messages.notice import Notice
from core.orders.messages.send_notice import Outgoing, send
from core.orders.model import LineItem, Order
from core.returns.facts import Objection, Offer
from core.returns.law.withdrawal_law import line_exemption, says_cancel
from core.returns.mail.letters import OPTIONAL, ReturnLetter, write
from core.returns.model import Reimbursement, Return, ReturnItem, Withdrawal
from core.returns.money.quotes import Entry
from core.returns.presenter import exchange_view, sentences
from core.returns.presenter.return_view import amount_of, money_of
from core.returns.requests.lifecycle import items_of
from core.returns.return_settings import return_settings_of
from core.returns.withdrawal import declare
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_by_id
from core.stores.tokens import answer_token, tracking_token


def send_letter(work: Work) -> None:
    """Send one letter; a withdrawal counts as acknowledged once its receipt has left."""
    send(work, _prepare, _after_sending)


def _prepare(session: Session, services: Services, notice: Notice, now: datetime) -> Outgoing:
    store = store_by_id(session, notice.store_id)
    order = session.get(Order, (notice.store_id, notice.order_id))
    if reason := _why_obsolete(session, store, order, notice):
        return Outgoing(store, None, None, {notice.id: reason})
    assert order is not None
    letter = compose(session, services, store, order, notice, now)
    message_id = f"<notice.{store.id:x}.{notice.id:x}@{domain_of(services)}>"
    language = negotiate(order.language, store.language)
    stop = _answer_url(services, order, notice, "stop") if notice.kind in OPTIONAL else ""
    return Outgoing(store, letter, Envelope(order.email, order.id, notice.kind, message_id, language, stop))


def _why_obsolete(session: Session, store: Store, order: Order | None, notice: Notice) -> str:
    """Say why a letter need not be sent; empty when it should."""
    if order is None or order.gone_at is not None or order.erased_at is not None:
        return "gone"
    if store.state == "uninstalled":
        return "uninstalled"
    if order.stopped_at is not None and notice.kind in OPTIONAL:
        return "stopped"
    if notice.kind == "return_approved" and _is_closed(session, notice):
        return "stale"
    return "" if order.email else "no_address"


def _is_closed(session: Session, notice: Notice) -> bool:
    """Say whether the platform closed the return since: nothing is to be sent back any more."""
    rma = session.get(Return, (notice.store_id, notice.facts["return"]))
    return rma is not None and rma.reception == "ended"


def _after_sending(session: Session, notice: Notice, now: datetime) -> None:
    if notice.kind == "withdrawal_receipt":
        row = session.get(Withdrawal, (notice.store_id, notice.facts["withdrawal"]), with_for_update=True)
        if row is not None:
            declare.acknowledge(session, row, now=now)


def compose(session: Session, services: Services, store: Store, order: Order, notice: Notice, now: datetime) -> Written:
    """Write a letter as it would go now: what staff preview is what the shopper gets."""
    words = Words(negotiate(order.language, store.language))
    sender, zone = sender_of(services, store), ZoneInfo(store.timezone)
    shared = {
        "today": now.astimezone(zone).date(),
        "store_name": sender.name,
        "store_url": store.url,
        "store_address": sender.postal,
        "support_email": sender.support,
        "legal_lines": sender.legal,
        "order_number": order.number,
        "shopper_name": order.name,
        "track_url": order_url(services, store, order),
        "person_url": _answer_url(services, order, notice, "person"),
        "stop_url": _answer_url(services, order, notice, "stop"),
    }
    about = next((name for name in _ABOUT if name in notice.facts), "")
    facts = _ABOUT[about](session, store, order, notice, words) if about else {}
    if withdrawal_id := facts.pop("photos_of", None):
        shared["photos_url"] = _withdrawal_url(services, order, withdrawal_id)
    return write(notice.kind, ReturnLetter(**{**shared, **facts}), words.language)


def _withdrawal_url(services: Services, order: Order, withdrawal_id: int) -> str:
    token = tracking_token(services.keyring, order.store_id, order.id, order.link_version)
    return f"{services.config.public_url}/t/{token}/withdraw/{withdrawal_id}"


def _answer_url(services: Services, order: Order, notice: Notice, choice: str) -> str:
    token = answer_token(services.keyring, notice.store_id, notice.id, order.link_version)
    return f"{services.config.public_url}/a/{token}/{choice}"


def _of_return(session: Session, store: Store, order: Order, notice: Notice, words: Words) -> dict[str, Any]:
    rma = session.get(Return, (notice.store_id, notice.facts["return"]))
    assert rma is not None
    settings, zone = return_settings_of(store), ZoneInfo(store.timezone)
    objections = [_objection(one) for one in rma.objections] if rma.answer != "accept" else []
    declined, items = rma.acceptance == "declined", items_of(session, rma)
    settlement = None if declined else amount_of(session, rma, money_of(session, rma)).settlement
    return {
        "rma": rma.rma if rma.kind != "cancel" else "",
        "lines": tuple((item.title, item.quantity) for item in items),
        "brings": _brought(items),
        "exchange": exchange_view.sentence(words, settlement, rma.currency, gift=rma.gift) if settlement else "",
        "amount": None if rma.gift or not rma.quoted else rma.quoted,
        "currency": rma.currency,
        "reasons": tuple(filter(None, (rma.note, *_each(sentences.objection, words, objections if declined else [])))),
        "offers": _each(lambda say, one: sentences.offer(say, one.next_best), words, objections if declined else []),
        "answer_by": rma.answer_by.astimezone(zone).date() if rma.answer_by else None,
        "keep": rma.reception == "kept",
        "send_to": settings.send_to,
        "return_by": rma.return_by,
        "way_back": rma.label_paid_by,
        "label_url": rma.label_url,
        "refund_when": rma.refund_when if not rma.refund_by else "",
        "refund_by": rma.refund_by if rma.reimbursement not in ("issued", "waived") else None,
    }


def _brought(items: list[ReturnItem]) -> str:
    """Say what comes of all things alike; "" where of some comes this and of others that. What is kept is refunded."""
    wishes = {"refund" if item.wish == "keep" else item.wish for item in items}
    return wishes.pop() if len(wishes) == 1 else ""


def _of_reimbursement(session: Session, store: Store, order: Order, notice: Notice, words: Words) -> dict[str, Any]:
    row = session.get(Reimbursement, (notice.store_id, notice.facts["reimbursement"]))
    assert row is not None
    rma = session.get(Return, (row.store_id, row.return_id)) if row.return_id else None
    mine = session.get(Withdrawal, (row.store_id, row.withdrawal_id)) if row.withdrawal_id else None
    titles = _titles(session, order)
    items = items_of(session, rma) if rma else []
    given = {part["ref"]: part["quantity"] for part in row.lines}
    entries = [Entry(**entry) for entry in row.explanation]
    paid = row.paid if row.paid is not None else row.amount
    settlement = exchange_view.of_row(row) if row.kind == "exchange" else None
    is_gift, is_paid = bool(rma and rma.gift), row.state == "issued"
    return {
        "rma": rma.rma if rma and rma.kind != "cancel" else "",
        "withdrawal": mine.number if mine else "",
        "lines": tuple((one.title, one.quantity) for one in settlement.goods)
        if settlement
        else tuple((titles[ref], n) for ref, n in given.items() if n and ref in titles),
        "unaccepted": tuple(
            (item.title, item.quantity - item.accepted, item.note)
            for item in items
            if item.accepted is not None and item.accepted < item.quantity
        ),
        "amount": None if rma and rma.gift else settlement.to_pay or None if settlement else paid,
        "exchange": exchange_view.sentence(words, settlement, row.currency, gift=is_gift, is_paid=is_paid)
        if settlement
        else "",
        "currency": row.currency,
        "explanation": tuple((sentences.entry_label(words, entry, titles), entry.amount) for entry in entries),
        "balance": row.balance,
        "lost_value": mine.lost_value if mine else 0,
        "lost_value_reason": mine.lost_value_reason if mine else "",
        "photos_of": mine.id if mine and mine.lost_value else None,
        "credit_code": row.platform_ref if row.kind == "store_credit" and row.credit != "account" else "",
        "link": row.link if row.kind == "exchange" and row.state == "awaiting_payment" else "",
    }


def _of_withdrawal(session: Session, store: Store, order: Order, notice: Notice, words: Words) -> dict[str, Any]:
    row = session.get(Withdrawal, (notice.store_id, notice.facts["withdrawal"]))
    assert row is not None
    assert row.declared_at is not None
    contested = notice.kind == "withdrawal_contested"
    return {
        "withdrawal": row.number,
        "lines": tuple((one["title"], one["quantity"]) for one in row.lines),
        "unaccepted": tuple(
            (one["title"], one["quantity"], sentences.exemption(words, line_exemption(one)))
            for one in row.lines
            if contested and (one["exemption"] or not any(other["exemption"] for other in row.lines))
        ),
        "reasons": (row.note,) if contested else (),
        "late": row.late,
        "cancels": says_cancel(row.country),
        "may_withhold": row.may_withhold,
        "keep": row.nothing_to_send,
        "send_to": return_settings_of(store).send_to,
        "way_back": return_settings_of(store).withdrawal_postage or "law",
        "return_by": row.send_back_by,
        "refund_by": row.refund_due,
        "declared_at": row.declared_at.astimezone(ZoneInfo(store.timezone)),
        "receipt_text": row.receipt,
        "receipt_hash": row.receipt_hash,
    }


_ABOUT: Mapping[str, Callable[[Session, Store, Order, Notice, Words], dict[str, Any]]] = {
    "return": _of_return,
    "reimbursement": _of_reimbursement,
    "withdrawal": _of_withdrawal,
}


def _objection(kept: Mapping[str, Any]) -> Objection:
    """Read an objection as a return keeps it."""
    return Objection(kept["code"], kept["values"], Offer(kept["offer"], kept["offered"]))


def _each(say: Callable[[Words, Objection], str], words: Words, objections: list[Objection]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(say(words, one) for one in objections))


def _titles(session: Session, order: Order) -> dict[str, str]:
    lines = session.scalars(sa.select(LineItem).where(LineItem.order_id == order.id))
    return {line.ref: f"{line.title}, {line.variant}" if line.variant else line.title for line in lines}


JOBS = {"returns.send_letter": Kind(send_letter, attempts=12)}
