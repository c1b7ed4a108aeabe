"""Withdraw without script and without opening an order: type, look, confirm, keep the receipt."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from core.http.context import keep_language, require_same_site, services, set_shopper_language, words
from core.orders.find import email_key
from core.orders.sanitize import storable
from core.returns.law.button_labels import button_label, heading, title
from core.returns.presenter.withdrawal_view import masked, not_advice
from core.returns.withdrawal import declarations, receipts
from core.returns.withdrawal.declarations import DraftExpired
from core.services import Services
from core.stores import throttle
from core.stores.model import Store
from core.stores.platform_access import store_by_key

pages = Blueprint("declare", __name__, template_folder="templates")
pages.url_defaults(keep_language)
_FIELDS = {"name": 200, "number": 100, "proof": 320, "email": 320}


@pages.get("/find/<key>/withdraw")
def ask(key: str) -> Response:
    """Ask for the name, the order and the address for the receipt."""
    store = _enter(key)
    return _form(store, {"number": request.args.get("number", "")[:100]})


@pages.post("/find/<key>/withdraw")
def look(key: str) -> Response:
    """First step: show what would be declared; nothing is stored."""
    require_same_site()
    app, store = services(), _enter(key)
    values = {name: storable(request.form.get(name, "")[:most]) for name, most in _FIELDS.items()}
    typed = declarations.read_typed(values["name"], values["number"], values["proof"], values["email"])
    say = words().pgettext
    if not typed.name or not typed.order_number:
        return _form(store, values, say("widget", "Give your name and the order number."), 400)
    if values["email"].strip() and not receipts.address_of(values["email"]):
        problem = say("widget", "Write the whole address, such as name@example.com.")
        return _form(store, values, problem, 400)
    draft = declarations.seal_draft(app.keyring, store, typed, now=app.clock())
    return make_response(
        render_template(
            "returns/declare_confirm.html",
            store=store,
            draft=draft,
            statement=declarations.statement_of(typed, store, words()),
            email=typed.email,
            heading=heading("confirm", words(), store.country),
            confirm_label=button_label("confirm", words(), store.language, country=store.country),
            not_advice=not_advice(words()),
        )
    )


@pages.post("/find/<key>/withdraw/confirm")
def confirm(key: str) -> Response:
    """Second step: declare it. The page is the receipt; whether the order was found is not said here."""
    require_same_site()
    app, store = services(), _enter(key)
    try:
        typed = declarations.read_draft(app.keyring, store, request.form.get("draft", ""), now=app.clock())
        _count(app, store, typed.email)
        with app.db.transaction(store.id) as session:
            row = declarations.declare(session, app.keyring, store, request.form["draft"], words(), now=app.clock())
    except DraftExpired:
        problem = words().pgettext("widget", "This page was open too long. Type it again.")
        return _form(store, {}, problem, 400)
    return make_response(
        render_template(
            "returns/declared.html",
            store=store,
            row=row,
            title=title(row.number, words(), store.country),
            heading=heading("declared", words(), store.country),
            mailed_to=masked(row.email) if row.mailed else "",
            not_advice=not_advice(words()),
        )
    )


def _enter(key: str) -> Store:
    store = store_by_key(services(), key)
    set_shopper_language(store.language)
    return store


def _count(app: Services, store: Store, email: str) -> None:
    """Count one declaration from here and for this address, however it is spelled. Raises TooManyTries."""
    limits = {f"declare:address:{throttle.caller_of(request.remote_addr or '')}": 10}
    if email:
        limits[f"declare:email:{email_key(email, app.keyring)}"] = 10
    throttle.count_try(app.db, app.keyring, store.id, limits, now=app.clock())


def _form(store: Store, typed: Mapping[str, str], problem: str = "", status: int = 200) -> Response:
    page = render_template(
        "returns/declare.html",
        store=store,
        heading=heading("withdraw", words(), store.country),
        typed=typed,
        problem=problem,
        not_advice=not_advice(words()),
    )
    return make_response(page, status)
