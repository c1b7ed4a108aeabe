"""How a store handles returns day by day: the address parcels go to, the days, and how much an agent may give back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import g, redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as BaseResponse

from core.desk.flash_messages import read_amount
from core.desk.page import desk
from core.desk.settings.section_form import NOTHING, save_section, show_document
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.money import to_decimal
from core.platform.contract import Feature
from core.returns.law.withdrawal_law import country_code
from core.returns.return_settings import SECTION, ReturnSettings, return_settings_of
from core.stores import staff
from core.stores.connection.features import features_of

_DAYS = ("answer_days", "send_back_days", "refund_days")
_SWITCHES = ("through_gateway", "restock", "tells_of_lost_value", "button_works")


@desk.get("/<key>/returns/settings")
def edit_return_settings(key: str) -> str:
    """Show how returns are handled."""
    return _print()


@desk.post("/<key>/returns/settings")
@versioned(lambda key: _print())
def save_return_settings(key: str) -> BaseResponse | tuple[str, int]:
    """Save it; what cannot be saved is shown again as typed."""
    staff.require(g.person, staff.MAY_SET)
    problems: dict[str, str] = {}
    values = _read(problems)
    if save_section(SECTION, None if problems else values):
        return redirect(url_for("desk.edit_return_settings", key=key, saved=1))
    return _print(problems), 422


def _read(problems: dict[str, str]) -> dict[str, Any]:
    """Read the form into the section's values; `problems` takes a sentence for each field that cannot be read."""
    say, form = words().pgettext, request.form
    values: dict[str, Any] = {name: form.get(name, "").strip() for name in _DAYS}
    values |= {name: name in form for name in _SWITCHES} | {"currency": g.store.currency}
    values["send_to"] = [line.strip() for line in form.get("send_to", "").splitlines() if line.strip()]
    values["agent_limit"] = None
    if limit := form.get("agent_limit", "").strip():
        try:
            values["agent_limit"] = read_amount(limit, g.store.currency)
        except ValueError:
            problems["agent_limit"] = say("desk", "Give an amount such as 4.90, or nothing for no limit.")
    values["restock_location"] = form.get("restock_location", return_settings_of(g.store).restock_location)
    values["withdrawal_postage"] = form.get("withdrawal_postage", "")
    values["standard_delivery"] = _read_prices(form.get("standard_delivery", ""), problems)
    try:
        return ReturnSettings(**values).model_dump(mode="json")
    except ValidationError as error:
        days = say("desk", "Give a number of days from 0 to 365.")
        address = say("desk", "Give at most 8 lines of 200 characters.")
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            problems[str(fault["loc"][0])] = address if fault["loc"][0] in ("send_to", "restock_location") else days
        return {}


def _read_prices(typed: str, problems: dict[str, str]) -> dict[str, int]:
    """Read lines of "country | amount" into minor units of the store's currency."""
    prices: dict[str, int] = {}
    for line in filter(None, map(str.strip, typed.splitlines())):
        country, _, amount = (part.strip() for part in line.partition("|"))
        try:
            code = country_code(country)
            if not re.fullmatch(r"[A-Z]{2}|\*", code):
                raise ValueError(country)
            prices[code] = read_amount(amount, g.store.currency)
        except ValueError:
            problems["standard_delivery"] = words().pgettext(
                "desk", "“%(line)s” needs two parts: country, such as DE, or * | amount.", line=line[:60]
            )
    return prices


def _print(problems: Mapping[str, str] = NOTHING) -> str:
    said = return_settings_of(g.store)
    limit = "" if said.agent_limit is None else f"{to_decimal(said.agent_limit, g.store.currency):f}"
    form = {name: str(getattr(said, name)) for name in _DAYS}
    form |= {"send_to": "\n".join(said.send_to), "agent_limit": limit, "withdrawal_postage": said.withdrawal_postage}
    prices = said.standard_delivery.items()
    form["standard_delivery"] = "\n".join(f"{code} | {to_decimal(cost, g.store.currency):f}" for code, cost in prices)
    form["restock_location"] = said.restock_location
    form |= {name: "1" if getattr(said, name) else "" for name in _SWITCHES}
    may_set = g.person.role in staff.MAY_SET
    has_places = Feature.NATIVE_RETURNS in features_of(services(), g.store)
    return show_document("return_settings", SECTION, form, problems=problems, may_set=may_set, has_places=has_places)
