"""How a store handles returns day by day: where parcels go, how soon a person answers, who may give how much back."""

from __future__ import annotations

from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from core.stores.model import Store

log = structlog.get_logger()

SECTION = "returns"
UNLIMITED = ("owner", "manager", "policy", "law")
"""Who needs nobody's approval: the law and the merchant's own policy among them."""

Line = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Days = Annotated[int, Field(ge=0, le=365)]


class ReturnSettings(BaseModel):
    """What a merchant set for returns; amounts are minor units of the store's currency."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    send_to: Annotated[tuple[Line, ...], Field(max_length=8)] = ()
    """The address parcels go back to, line by line; empty: the store writes it in its answer."""
    answer_days: Days = 2
    send_back_days: Days = 14
    refund_days: Days = 5
    """Within how many days of being due by the policy the money is on its way."""
    agent_limit: Annotated[int, Field(ge=0, le=10**12)] | None = 10_000
    """The most an agent may give back without approval; None for no limit."""
    through_gateway: bool = True
    """Let the platform send the money where the payment can; else it is only written down there."""
    restock: bool = True
    """Put what was received as new back on sale, unless staff say otherwise."""


class AboveLimit(Exception):
    """More than this role may give back alone. Carries `limit`, `amount` and `currency`."""

    def __init__(self, limit: int, amount: int, currency: str) -> None:
        super().__init__(f"{amount} {currency} is above the limit of {limit}")
        self.limit, self.amount, self.currency = limit, amount, currency


def return_settings_of(store: Store) -> ReturnSettings:
    """Give a store's return settings; the defaults where they cannot be read."""
    try:
        return ReturnSettings(**store.settings.get(SECTION, {}))
    except ValidationError:
        log.error("practice_unreadable", version=store.settings_version)
        return ReturnSettings()


def check_limit(practice: ReturnSettings, role: str, amount: int, currency: str) -> None:
    """Raise AboveLimit where a role may not give this much back alone."""
    if role in UNLIMITED or practice.agent_limit is None or amount <= practice.agent_limit:
        return
    raise AboveLimit(practice.agent_limit, amount, currency)
