"""The shapes of the shopper's JSON about what there is in exchange."""

from __future__ import annotations

from pydantic import BaseModel


class VariantOut(BaseModel):
    """Something the shopper may have instead. `offer` names it in the request, at this price, for a day.

    `difference` is for one: what it costs more (below zero: less) than what was paid; null where no price is told.
    """

    offer: str
    label: str
    image_url: str
    in_stock: bool
    difference: int | None


class VariantsOut(BaseModel):
    """What there is instead of a line; empty where the store cannot say, and the shopper writes it in words."""

    variants: list[VariantOut]
