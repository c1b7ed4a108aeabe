"""Offers of an exchange: a variant at the price it had when the shopper chose it, signed so that it holds for a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from core.platform.snapshots import Variant
from core.secrets import BadToken, ExpiredToken, Keyring

PURPOSE = "exchange-offer"
OFFER_LIFE = timedelta(days=1)
"""So long the price that was shown is the price that counts."""


class OfferOver(Exception):
    """This offer is too old, or not of this order."""


@dataclass(frozen=True, slots=True)
class ExchangeOffer:
    """A variant by its ref, its full name, and what one of it costs, taxes included (minor units; None: unknown)."""

    variant: str
    title: str
    price: int | None


def sign_offer(keyring: Keyring, order_id: int, line: str, offer: ExchangeOffer) -> str:
    """Make the text by which the shopper's request names an offer."""
    told = {"o": order_id, "l": line, "v": offer.variant, "t": offer.title, "p": offer.price}
    return keyring.sign(told, purpose=PURPOSE)


def read_offer(keyring: Keyring, token: str, order_id: int, line: str) -> ExchangeOffer:
    """Read an offer back. Raises OfferOver."""
    try:
        told = keyring.verify(token, purpose=PURPOSE, max_age=OFFER_LIFE.total_seconds())
    except (BadToken, ExpiredToken):
        raise OfferOver from None
    if (told["o"], told["l"]) != (order_id, line):
        raise OfferOver
    return ExchangeOffer(told["v"], told["t"], told["p"])


def price_of(variant: Variant, *, net: int, gross: int, currency: str) -> int | None:
    """Say what one of a variant costs with its taxes; `net` and `gross` are what the shopper paid for the line.

    Where the store's prices are without tax, those of a product's variants bear the tax of what was bought of it. None
    where the store told no price, or one in another currency.
    """
    if variant.price is None or variant.currency != currency:
        return None
    if variant.tax_included or net <= 0:
        return variant.price
    return (variant.price * gross * 2 + net) // (net * 2)  # half a minor unit rounds up
