"""What an order's page says of returns and withdrawals: where each stands, and the way to the legal withdrawal."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.i18n.words import Words
from core.orders.model import Order, Shipment
from core.orders.page_sections import Section, Sections
from core.returns.law import withdrawal_rights
from core.returns.law.button_labels import button_label
from core.returns.law.withdrawal_law import law_of, says_cancel
from core.returns.law.withdrawal_rights import NoSuchRight
from core.returns.model import Return, Withdrawal
from core.returns.presenter import display_names, progress
from core.returns.presenter.reader_context import ReaderContext, reader_context_for
from core.returns.presenter.return_view import money_of
from core.returns.presenter.withdrawal_view import refund_sentence, right_sentence, state_sentence
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import tracking_token


def withdraw_label(country: str, order_language: str, store_language: str, words: Words) -> str:
    """Give what the button to a withdrawal of an order says; "" where its country grants no such right."""
    return button_label("withdraw", words, order_language, store_language, country=country) if law_of(country) else ""


def footer_label(store: Store, words: Words) -> str:
    """Give what the entry in a page's footer says; "" where the store's country grants no such right."""
    return withdraw_label(store.country, "", store.language, words)


def sections_for(app: Services) -> Sections:
    """Give what writes these sections with the app's clock and keys."""

    def write(session: Session, store: Store, order: Order, words: Words) -> Iterator[Section]:
        if order.erased_at is not None:
            return
        reader = reader_context_for(store, words, app.clock())
        token = tracking_token(app.keyring, store.id, order.id, order.link_version)
        address = f"/t/{token}/withdraw"
        yield from _returns(session, order, reader)
        yield from _beginning(session, order, reader, token)
        yield from _withdrawals(session, order, reader, address)
        yield from _right(session, store, order, reader, address)

    return write


def _returns(session: Session, order: Order, reader: ReaderContext) -> Iterator[Section]:
    mine = sa.select(Return).where(Return.order_id == order.id, Return.status != "canceled").order_by(Return.id.desc())
    for rma in session.scalars(mine.limit(3)):
        title = display_names.headline(reader.words, rma.kind, rma.status)
        lines = (progress.next_sentence(reader, rma, money_of(session, rma)),)
        yield Section(title, lines if rma.kind == "cancel" else (rma.rma, *lines))


def _beginning(session: Session, order: Order, reader: ReaderContext, token: str) -> Iterator[Section]:
    if order.state in ("canceled", "refunded"):
        return
    say = reader.words.pgettext
    arrived = sa.select(Shipment.id).where(Shipment.order_id == order.id, Shipment.status == "delivered").limit(1)
    has_some = session.scalar(arrived) is not None
    label = say("widget", "Start a return") if has_some else say("widget", "Return or cancel")
    # The token stands behind the #, where the widget reads it and no server logs it.
    yield Section(say("widget", "Return or cancel"), (), (label, f"/t/{token}/return#aftercare={token}"))


def _withdrawals(session: Session, order: Order, reader: ReaderContext, address: str) -> Iterator[Section]:
    mine = sa.select(Withdrawal).where(Withdrawal.order_id == order.id, Withdrawal.declared_at.is_not(None))
    for row in session.scalars(mine.order_by(Withdrawal.id.desc()).limit(3)):
        say = reader.words.pgettext
        lines = tuple(filter(None, (state_sentence(row, reader), refund_sentence(row, reader))))
        title = say("widget", "Withdrawal %(number)s", number=row.number)
        yield Section(title, lines, (say("widget", "See the receipt"), f"{address}/{row.id}"))


def _right(session: Session, store: Store, order: Order, reader: ReaderContext, address: str) -> Iterator[Section]:
    """The law wants the way to it easy to find for as long as the right lasts (Directive 2011/83/EU, Art. 11a)."""
    say = reader.words.pgettext
    try:
        right = withdrawal_rights.right_of(session, store, order, now=reader.now)
    except NoSuchRight:
        return
    if any(right.left.values()):  # after the period too: whether it is over, a person decides
        label = button_label("withdraw", reader.words, order.language, store.language, country=right.country)
        title = say("widget", "Right to cancel") if says_cancel(right.country) else say("widget", "Right of withdrawal")
        yield Section(title, (right_sentence(right, reader),), (label, address))
