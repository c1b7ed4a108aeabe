"""The demo's own pages: where to click, the storefronts, the mailbox, and a way into each desk."""

from __future__ import annotations

import os
import re
from pathlib import Path

import sqlalchemy as sa
from apiflask import APIFlask
from flask import Blueprint, Response, abort, current_app, jsonify, make_response, render_template, send_from_directory
from markupsafe import escape
from werkzeug.wrappers import Response as BaseResponse

from core.app import create_app, installed_platforms
from core.config import Config
from core.db.purpose import Purpose
from core.demo import mailbox
from core.demo.sample_worlds import SAMPLES
from core.desk.sign_in import let_in
from core.http.context import services, set_language
from core.http.headers import page_policy
from core.i18n.words import languages
from core.orders.model import Order
from core.platform.contract import Platform, StaffIdentity
from core.reviews.model import Review
from core.stores import staff
from core.stores.model import Store
from core.stores.platform_access import store_by_key
from core.stores.tokens import tracking_token

shell = Blueprint("demo", __name__)

FOLDER = "AFTERCARE_DEMO_FOLDER"
_DISCUSSED = (
    sa.select(Review.product_ref)
    .where(Review.answered_at.is_not(None), Review.product_ref != "")
    .group_by(Review.product_ref)
    .order_by(sa.func.count().desc(), Review.product_ref)
    .limit(1)
)
"""The product with most answered reviews."""
_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def platforms() -> dict[str, type[Platform]]:
    """Give the installed platforms and the sample ones; only the demo and tests may."""
    return {**installed_platforms(), **SAMPLES}


def make_app(config: Config) -> APIFlask:
    """Build the application with the demo's pages."""
    app = create_app(config, platforms())
    app.extensions["aftercare.demo"] = Path(os.environ[FOLDER])
    app.register_blueprint(shell)
    return app


def _mails() -> Path:
    folder: Path = current_app.extensions["aftercare.demo"]
    return folder / "mail"


class _Aftercare:
    name = "Aftercare"
    url = "/"


@shell.get("/")
def home() -> str:
    """Explain where to click."""
    set_language()
    app = services()
    with app.db.system(Purpose.SHOW_SAMPLES, write=False) as session:
        stores = session.scalars(sa.select(Store).order_by(Store.id)).all()
    mails = len(list(_mails().glob("*.eml")))
    titles = {platform.name: platform.title for platform in app.platforms}
    return render_template(
        "demo/home.html", store=_Aftercare, stores=stores, mails=mails, titles=titles, languages=languages()
    )


@shell.get("/demo/store/<key>")
def storefront(key: str) -> str:
    """A small shop with the widget in it, and some of its shoppers' orders to look up."""
    app = services()
    store = store_by_key(app, key)
    say = set_language()
    with app.db.transaction(store.id, write=False) as session:
        late = session.scalars(sa.select(Order).where(Order.late).order_by(Order.placed_at.desc()).limit(3)).all()
        newest = session.scalars(
            sa.select(Order).where(Order.email != "").order_by(Order.placed_at.desc()).limit(12)
        ).all()
        discussed = session.scalar(_DISCUSSED)
    shown = dict.fromkeys([*newest, *late])
    tokens = [(order, tracking_token(app.keyring, store.id, order.id, order.link_version)) for order in shown]
    page = (_EXAMPLES / "storefront.html").read_text("utf-8")
    fillings = {
        'lang="en" dir="ltr"': f'lang="{say.tag}" dir="{say.direction}"',
        "STORE-NAME": escape(store.name),
        "STORE-KEY": store.key,
        "<!-- ORDERS -->": render_template("demo/storefront.html", orders=tokens),
        "<!-- REPLIES -->": render_template("demo/replies.html", store=store, product=discussed),
    }
    for place, filling in fillings.items():
        page = page.replace(place, filling)
    return page


@shell.get("/demo/examples/<name>")
def example(name: str) -> Response:
    """What the storefront is dressed with."""
    return send_from_directory(_EXAMPLES, name)


@shell.get("/demo/desk/<key>")
def desk(key: str) -> BaseResponse:
    """Enter a desk as Max the merchant, the first to open and so the owner."""
    store = store_by_key(services(), key)
    max_ = StaffIdentity(ref="max", name="Max", email="max@shop.example")
    return let_in(store, staff.enter(services(), store, max_))


@shell.get("/demo/mailbox")
def show_mailbox() -> str:
    """Everybody's mail, newest first."""
    set_language()
    return render_template("demo/mailbox.html", store=_Aftercare, mails=mailbox.list_mails(services(), _mails())[:300])


@shell.get("/demo/mailbox.json")
def mailbox_json() -> Response:
    """The same as JSON."""
    return jsonify(mailbox.list_mails(services(), _mails()))


@shell.get("/demo/mailbox/<mail_id>")
def show_mail(mail_id: str) -> Response:
    """One message, both forms; the HTML form stands in a frame of its own."""
    set_language()
    page = make_response(render_template("demo/mail.html", store=_Aftercare, mail=_mail(mail_id)))
    page.headers["Content-Security-Policy"] = f"{page_policy()}; frame-src 'self'"
    return page


@shell.get("/demo/mailbox/<mail_id>/html")
def mail_html(mail_id: str) -> Response:
    """The HTML form as a mail program would show it: no script, its own styles."""
    page = Response(_mail(mail_id).html, mimetype="text/html")
    page.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: https:; sandbox allow-popups "
        "allow-top-navigation-by-user-activation; frame-ancestors 'self'"
    )
    return page


def _mail(mail_id: str) -> mailbox.Mail:
    path = _mails() / f"{mail_id}.eml"
    if not re.fullmatch(r"[0-9]{10,25}", mail_id) or not path.is_file():
        abort(404)
    return mailbox.read_one(path)
