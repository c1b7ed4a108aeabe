"""Max's desk with returns on it, over HTTP: who sits there, what waits, and what a page's form would send."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.app import create_app
from core.orders.model import Order
from core.platform.sample import World
from core.returns.model import Return
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.services import Services
from core.stores.model import Staff, Store
from tests.core.returns.seed import at, bought
from tests.core.shipping.seed import apply, sign_in

LAMP = ReturnRequest((RequestedLine("l2", 1, "damaged"),), comment="The shade is broken.")
MUGS = ReturnRequest((RequestedLine("l1", 2, "too_small"),))
REVIEW: dict[str, Any] = {"otherwise": "review", "reasons": {"damaged": {}, "too_small": {}, "other": {}}}
"""A policy that leaves everything to a person and asks for no photo."""


def path(store: Store, page: str = "") -> str:
    """An address of the desk."""
    return f"/admin/{store.key}/{page}"


def seat(services: Services, store: Store, role: str, name: str = "") -> FlaskClient:
    """A browser in which somebody of this role sits at the desk."""
    client = create_app(services.config, services=services).test_client()
    person = sign_in(services, store, client, name or role)
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Staff).where(Staff.id == person.id).values(role=role))
    return client


def sell(services: Services, store: Store, world: World, ref: str, **changes: Any) -> int:
    """Let the store have another order, and us know of it; give its id."""
    order = bought(ref=ref, number=f"#20{ref}", **changes)
    world.put(order)
    apply(services, store, order)
    with services.db.transaction(store.id, write=False) as session:
        return session.scalars(sa.select(Order.id).where(Order.ref == ref)).one()


def ask(services: Services, store: Store, order_id: int, request: ReturnRequest = LAMP) -> int:
    """Let Ann ask for a return; give its id."""
    with at(services, store) as session:
        return open_return(session, store, order_id, request, SHOPPER, now=services.clock()).id


def press(client: FlaskClient, store: Store, return_id: int, verb: str, **typed: Any) -> TestResponse:
    """Press a button of a return's page."""
    return client.post(path(store, f"returns/{return_id}/{verb}"), data=typed)


def read(services: Services, store: Store, return_id: int) -> Return:
    """A return as it stands."""
    with services.db.transaction(store.id, write=False) as session:
        return session.get_one(Return, (store.id, return_id))


def said(answer: TestResponse) -> str:
    """The page's text without its markup, white space folded."""
    text = re.sub(r"<[^>]+>", " ", _main_of(answer))
    return re.sub(r"\s+", " ", unescape(text).replace("\N{NO-BREAK SPACE}", " "))


def _main_of(answer: TestResponse) -> str:
    return re.split(r"<main[^>]*>", answer.text)[-1].partition("</main>")[0]


def has_form(answer: TestResponse) -> bool:
    """Whether the page itself holds a form; signing out, above it, is everybody's."""
    return "<form" in _main_of(answer)


def version_on(client: FlaskClient, page: str) -> str:
    """The version that the first form of a page carries, but for the one that signs out."""
    return fields(client.get(page).text)["version"]


def fields(page: str) -> dict[str, str]:
    """What a browser would send back from the page's forms, untouched."""
    typed: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        known = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        ticked = known.get("type") != "checkbox" or " checked" in tag
        if "name" in known and known.get("type") != "file" and ticked:
            typed.setdefault(known["name"], unescape(known.get("value", "")))
    for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)</textarea>', page):
        typed[name] = unescape(text)
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen is not None
        typed[name] = chosen[1]
    return typed
