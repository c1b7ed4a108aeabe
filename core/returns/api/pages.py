"""The legal withdrawal without script: what would be declared, the declaration, its receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.http.context import keep_language, require_same_site, services, set_shopper_language, words
from core.orders.dead_links import show_search
from core.orders.find import email_key
from core.orders.model import Order
from core.orders.sanitize import storable
from core.orders.shopper_auth import LinkExpired, NotHere, order_of_link, parse_id, read_link
from core.returns.api.api_access import count, photo_url
from core.returns.law import withdrawal_rights
from core.returns.law.button_labels import heading, title
from core.returns.law.withdrawal_rights import NoSuchRight, Right
from core.returns.model import Withdrawal
from core.returns.money.purchased import GOODS
from core.returns.presenter.reader_context import ReaderContext, reader_context_for
from core.returns.presenter.return_view import lines_of, name_of
from core.returns.presenter.sentences import exemption, exemption_if
from core.returns.presenter.withdrawal_view import masked, not_advice, right_sentence, view_withdrawal
from core.returns.requests.lifecycle import SHOPPER
from core.returns.withdrawal import declare, receipts
from core.returns.withdrawal.declare import WithdrawalNotFound
from core.returns.withdrawal.lost_value import photos_of
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_by_id

pages = Blueprint("withdraw", __name__, template_folder="templates")
pages.url_defaults(keep_language)
pages.register_error_handler(LinkExpired, show_search)


@pages.get("/t/<token>/return")
def begin_return(token: str) -> str:
    """Start a return, or cancel, in the widget; without script the shopper writes to the store."""
    store, _ = _enter(services(), token)
    return render_template("returns/begin.html", store=store, token=token)


@pages.get("/t/<token>/withdraw")
def ask(token: str) -> str:
    """Ask what to withdraw from: everything that is not exempt, unless the shopper says otherwise."""
    app = services()
    return _form(app, *_enter(app, token), token)


@pages.post("/t/<token>/withdraw")
def start(token: str) -> Response | tuple[str, int]:
    """First step: write down what would be declared, and show it."""
    require_same_site()
    app = services()
    store, order = _enter(app, token)
    count(app, store, "withdrawal", order.id)
    units, say = _typed(request.form), words().pgettext
    if not units:
        return _form(app, store, order, token, problem=say("widget", "Choose at least one thing.")), 400
    name, other = (storable(request.form.get(field, "")[:320]) for field in ("name", "email"))
    if not name.strip():
        return _form(app, store, order, token, problem=say("widget", "Give your name.")), 400
    email = receipts.address_of(other)
    if other.strip() and not email:
        problem = say("widget", "Write the whole address, such as name@example.com.")
        return _form(app, store, order, token, problem=problem), 400
    with app.db.transaction(store.id) as session:
        key = email_key(email, app.keyring)
        row = declare.start(session, store, order.id, units, name=name, email=email, email_key=key, now=app.clock())
    return redirect(url_for("withdraw.show", token=token, withdrawal_id=row.id), 303)


@pages.get("/t/<token>/withdraw/<withdrawal_id>")
def show(token: str, withdrawal_id: str) -> str:
    """Show what would be declared with the button that declares it; once declared, the receipt."""
    app = services()
    store, order = _enter(app, token)
    with app.db.transaction(store.id, write=False) as session:
        row = _load(session, store, order, withdrawal_id)
        reader = replace(
            reader_context_for(store, words(), app.clock()), photo_url=lambda id_: photo_url(app, store, id_)
        )
        view = view_withdrawal(row, order, store, reader, photos_of(session, row))
    template = "receipt" if view.receipt else "confirm"
    return render_template(
        f"returns/{template}.html",
        store=store,
        token=token,
        title=title(row.number, words(), row.country),
        view=view,
        seen=_digest(view.statement),
    )


@pages.post("/t/<token>/withdraw/<withdrawal_id>")
def confirm(token: str, withdrawal_id: str) -> Response:
    """Second step: declare what the page showed; what was changed in another window since is shown again."""
    require_same_site()
    app = services()
    store, order = _enter(app, token)
    count(app, store, "withdrawal", order.id)
    with app.db.transaction(store.id) as session:
        row = _load(session, store, order, withdrawal_id)
        if request.form.get("seen") == _digest(declare.statement_of(row, order, store)):
            declare.confirm(session, store, row.id, now=app.clock())
    return redirect(url_for("withdraw.show", token=token, withdrawal_id=row.id), 303)


@pages.post("/t/<token>/withdraw/<withdrawal_id>/sent")
def note_sent(token: str, withdrawal_id: str) -> Response:
    """Give proof that the goods were sent."""
    require_same_site()
    app = services()
    store, order = _enter(app, token)
    count(app, store, "sent", order.id)
    with app.db.transaction(store.id) as session:
        row = _load(session, store, order, withdrawal_id)
        proof = storable(request.form.get("proof", "")[:200])
        if proof.strip():
            locked, _ = declare.find_withdrawal(session, store.id, row.id)
            declare.note_sent(session, store, locked, SHOPPER, proof=proof, now=app.clock())
    return redirect(url_for("withdraw.show", token=token, withdrawal_id=row.id), 303)


def _enter(app: Services, token: str) -> tuple[Store, Order]:
    """Give store and order behind a mailed link, and settle the language. Raises LinkExpired."""
    link = read_link(app, token)
    with app.db.transaction(link.store_id, write=False) as session:
        order, store = order_of_link(session, link), store_by_id(session, link.store_id)
    if order.erased_at is not None:
        raise LinkExpired(store.id)
    set_shopper_language(store.language, order.language)
    return store, order


def _form(app: Services, store: Store, order: Order, token: str, *, problem: str = "") -> str:
    reader = reader_context_for(store, words(), app.clock())
    with app.db.transaction(store.id, write=False) as session:
        right = _right(session, store, order, reader)
        lines = lines_of(session, order.id) if right else {}
    rows = [
        {
            "ref": ref,
            "name": name_of(line),
            "left": right.left[ref],
            "exempt": exemption(words(), right.exemptions.get(ref, "")),
            "condition": exemption_if(words(), right.conditions.get(ref, "")),
        }
        for ref, line in lines.items()
        if right and line.kind in GOODS and right.left.get(ref)
    ]
    return render_template(
        "returns/withdraw.html",
        store=store,
        token=token,
        rows=rows,
        heading=heading("withdraw", words(), right.country if right else order.country or store.country),
        sentence=right_sentence(right, reader) if right else "",
        is_late=bool(right and not right.is_open),
        own_address=masked(order.email),
        typed=request.form,
        not_advice=not_advice(words()),
        problem=problem,
    )


def _right(session: Session, store: Store, order: Order, reader: ReaderContext) -> Right | None:
    try:
        return withdrawal_rights.right_of(session, store, order, now=reader.now)
    except NoSuchRight:
        return None


def _load(session: Session, store: Store, order: Order, withdrawal_id: str) -> Withdrawal:
    """Load a withdrawal of this order. Raises WithdrawalNotFound."""
    try:
        row = session.get(Withdrawal, (store.id, parse_id(withdrawal_id)))
    except NotHere:
        raise WithdrawalNotFound from None
    if row is None or row.order_id != order.id:
        raise WithdrawalNotFound
    return row


def _typed(form: Mapping[str, str]) -> dict[str, int]:
    """Read "units.<ref>" fields; what is no number is nothing. A count that cannot be is refused by the verb."""
    counts = {name.removeprefix("units."): text for name, text in form.items() if name.startswith("units.")}
    return {
        storable(ref): int(text)
        for ref, text in counts.items()
        if text.isascii() and text.isdigit() and len(text) < 10 and int(text)
    }


def _digest(statement: str) -> str:
    return hashlib.sha256(statement.encode()).hexdigest()[:32]
