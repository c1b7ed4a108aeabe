"""What other slices add to an order's page: they know orders, orders do not know them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.i18n.words import Words
from core.orders.model import Order
from core.stores.model import Store

SECTIONS = "aftercare.sections"
"""The app's list of `Sections`, put there by whoever wires it."""
WITHDRAW_LABEL = "aftercare.withdraw_label"
"""The app's `WithdrawLabel`, put there likewise."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an order's page: its title, its sentences, and one (label, address) to go on."""

    title: str
    lines: tuple[str, ...] = ()
    link: tuple[str, str] | None = None


WithdrawLabel = Callable[[str, str, str, Words], str]
"""(the order's country, its language, the store's) → what the button to a legal withdrawal says; "" for no button."""

Sections = Callable[[Session, Store, Order, Words], Iterable[Section]]
