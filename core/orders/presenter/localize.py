"""Puts an order into the reader's language, for the page without script and for the widget."""

from __future__ import annotations

from dataclasses import replace

from flask import current_app

from core.db.row_reader import Row
from core.i18n.words import Words
from core.orders.model import Order
from core.orders.page_sections import WITHDRAW_LABEL, WithdrawLabel
from core.orders.presenter.page import Page, page_of
from core.orders.presenter.timeline import OrderView
from core.services import Services
from core.stores import tokens
from core.stores.model import Store


def localize_order(app: Services, store: Store, order: Order | Row, view: OrderView, words: Words) -> Page:
    """Put an order into words, with the address behind each choice of the notice that told of a delay."""

    def answer_url(notice: str, choice: str) -> str:
        return f"/a/{tokens.answer_token(app.keyring, store.id, int(notice), order.link_version)}/{choice}"

    page = page_of(view, words, app.clock(), store.timezone, answer_url)
    label: WithdrawLabel | None = current_app.extensions.get(WITHDRAW_LABEL)
    if label is None:
        return page
    return replace(page, withdraw=label(order.country or store.country, order.language, store.language, words))
