"""How a store handles returns day by day: where parcels go, how soon a person answers, who may give how much back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from core.money import exponent
from core.stores.model import Store

log = structlog.get_logger()

SECTION = "returns"
UNLIMITED = ("owner", "manager", "policy", "law")
"""Who needs nobody's approval: the law and the merchant's own policy among them."""

_AMOUNTS = ("agent_limit", "standard_delivery")

Line = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Days = Annotated[int, Field(ge=0, le=365)]
Minor = Annotated[int, Field(ge=0, le=10**12)]
Destination = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$")]


class ReturnSettings(BaseModel):
    """What a merchant set for returns; amounts are minor units of the store's currency."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    currency: str = ""
    """What the amounts were given in; "" where they were saved before that was kept (2026-12)."""
    send_to: Annotated[tuple[Line, ...], Field(max_length=8)] = ()
    """The address parcels go back to, line by line; empty: the store writes it in its answer."""
    answer_days: Days = 2
    send_back_days: Days = 14
    refund_days: Days = 5
    """Within how many days of being due by the policy the money is on its way."""
    agent_limit: Minor | None = 10_000
    """The most an agent may give back without approval in a day, and of an order; None for no limit."""
    through_gateway: bool = True
    """Let the platform send the money where the payment can; else it is only written down there."""
    standard_delivery: dict[Destination, Minor] = Field(default_factory=dict)
    """What the cheapest standard delivery costs, taxes and all, by country or "*": what a withdrawal brings of the
    delivery cost. Where it says nothing, all that was paid comes back."""
    withdrawal_postage: Literal["", "store", "shopper"] = ""
    """Who pays for sending back after a withdrawal. The shopper only where they were told so before they ordered
    (Art. 14(1)); "" where the store did not say: then its receipts state that rule."""
    tells_of_lost_value: bool = False
    """Whether the store informs shoppers, before they order, that goods handled more than testing needs bring less.
    Where it does not, nothing may be deducted (Art. 14(2)): so not until it says so."""
    button_works: bool = True
    """Whether the withdrawal button is in the shop, shoppers are told where, and it works."""
    restock: bool = True
    """Put what was received as new back on sale, unless staff say otherwise."""
    restock_location: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    """The platform's own id of the place where goods come back to; "" leaves it to the platform."""


class AboveLimit(Exception):
    """More than this role may give back alone.

    Carries `limit`, what is left of it in minor units of `limit_currency`, the store's, and `amount` in `currency`.
    """

    def __init__(self, limit: int, amount: int, currency: str, limit_currency: str = "") -> None:
        super().__init__(f"{amount} {currency} is above the limit of {limit} {limit_currency}")
        self.limit, self.amount, self.currency = limit, amount, currency
        self.limit_currency = limit_currency or currency


def return_settings_of(store: Store) -> ReturnSettings:
    """Give a store's return settings; those that cannot be read count as the defaults.

    So do amounts that were given in another currency than the store has now: 100 euros are not 100 yen.
    """
    usual: dict[str, Any] = {"agent_limit": usual_limit(store.currency)}
    said = store.settings.get(SECTION, {})
    if said.get("currency") and said["currency"] != store.currency:
        said = {name: value for name, value in said.items() if name not in _AMOUNTS}
    try:
        return ReturnSettings(**(usual | said))
    except ValidationError:
        log.error("return_settings_unreadable", version=store.settings_version)
        return ReturnSettings(**usual)


def usual_limit(currency: str) -> int:
    """Give the limit of a store that set none, in minor units: 100.00 EUR, 10,000 JPY, 100.000 KWD."""
    return 100 * 10 ** max(2, exponent(currency))
