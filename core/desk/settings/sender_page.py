"""Who a store's mail comes from: name, support address, postal and legal lines, and a From address once it is proven.

A From address is used only after somebody who reads its mail has confirmed it; until then mail comes from ours, with
the store's name. What to publish for SPF, DKIM and DMARC stands beside the form.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from flask import g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page, staff_name
from core.http.context import require_same_site, services, set_language, words
from core.i18n.words import Words
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.mail import compose
from core.mail.compose import BadAddress, MailRefused, MailUnavailable, Message, check_domain_hints, wire_address
from core.orders.shopper_auth import LinkExpired
from core.platform.errors import Refused, Unavailable
from core.secrets import BadToken
from core.services import Services
from core.stores import audit, settings, staff
from core.stores.model import Store
from core.stores.platform_access import store_by_id

SECTION = "mail"
_LIFE = 3 * 24 * 3600
_HOST = re.compile(r"@([^:/?]+)|//([^@:/?]+)")


@desk.route("/<key>/sender", methods=["GET", "POST"])
def edit_sender(key: str) -> BaseResponse | str:
    """Show and save the sender; a new From address waits until it is confirmed by mail."""
    app, store = services(), g.store
    said: dict[str, Any] = store.settings.get(SECTION, {})
    problem = ""
    if request.method == "POST":
        staff.require(g.person, staff.MAY_SET)
        wanted = _read_form()
        problem = _problem_with(wanted)
        if not problem:
            version = request.form.get("version", 0, type=int)
            with app.db.transaction(store.id) as session:
                _save(session, app, store, said, wanted, version)
            return redirect(url_for("desk.edit_sender", key=key, saved=1))
    host = _mail_host(app)
    domain = (said.get("from") or said.get("pending") or app.config.mail_from).partition("@")[2]
    return show_page("sender", said=said, typed=request.form, problem=problem, hints=check_domain_hints(domain, host))


def _read_form() -> dict[str, Any]:
    plain = {name: request.form.get(name, "").strip()[:300] for name in ("name", "from", "support", "address")}
    legal = [line.strip()[:200] for line in request.form.get("legal", "").splitlines() if line.strip()]
    return plain | {"legal": legal[:6]}


def _problem_with(wanted: dict[str, Any]) -> str:
    for name in ("from", "support"):
        try:
            if wanted[name]:
                wire_address(wanted[name])
        except BadAddress:
            return words().pgettext("desk", "%(text)s is not an e-mail address we can use.", text=wanted[name][:60])
    return ""


def _save(
    session: Session, app: Services, store: Store, said: dict[str, Any], wanted: dict[str, Any], version: int
) -> None:
    now, address = app.clock(), wanted["from"]
    proven = said.get("from", "") if address else ""
    pending = "" if address == proven else address
    values = {**wanted, "from": proven, "pending": pending}
    settings.change(session, store, SECTION, values, version=version, now=now)
    if pending:
        new = NewJob("desk.confirm_sender", f"confirm_sender:{version}", {"by": staff_name()})
        queue.enqueue(session, store.id, new, now=now)


def confirm_sender(work: Work) -> None:
    """Mail the link that proves somebody reads the new From address."""
    app: Services = work.services
    with app.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
    pending = store.settings.get(SECTION, {}).get("pending", "")
    if not pending:
        return
    token = app.keyring.sign({"s": store.id, "a": pending}, purpose="sender")
    say = Words(store.language).pgettext
    domain = app.config.mail_from.partition("@")[2]
    message = Message(
        to=pending,
        subject=say("desk", "Confirm this address for %(store)s", store=store.name),
        text=say(
            "desk",
            "%(store)s wants to send order messages from this address. If that is right, open this link and confirm:",
            store=store.name,
        )
        + f"\n\n{app.config.public_url}/admin/confirm-sender/{token}\n\n"
        + say("desk", "If it is not, do nothing."),
        sender_name="Aftercare",
        sender_address=app.config.mail_from,
        message_id=f"<sender.{store.id:x}.{work.job.id:x}@{domain}>",
        language=store.language,
        kind="confirm_sender",
    )
    work.check_lease()
    try:
        app.mail.send(compose.compose(message, at=work.now), envelope_from=message.envelope_from, to=pending)
    except MailUnavailable as error:
        raise Unavailable(error.reason) from error
    except (MailRefused, BadAddress) as error:
        raise Refused(f"The address to confirm does not take mail: {error}") from error


@desk.route("/confirm-sender/<token>", methods=["GET", "POST"])
def confirm_address(token: str) -> str:
    """Confirm a From address by its mailed link; the GET only asks, for scanners follow links."""
    app = services()
    try:
        payload = app.keyring.verify(token, purpose="sender", max_age=_LIFE)
    except BadToken:
        raise LinkExpired from None
    done = False
    with app.db.transaction(payload["s"], write=request.method == "POST") as session:
        store = store_by_id(session, payload["s"])
        said = store.settings.get(SECTION, {})
        if payload["a"] not in (said.get("pending"), said.get("from")):
            raise LinkExpired
        if request.method == "POST":
            require_same_site()
            row = session.scalars(sa.select(Store).where(Store.id == store.id).with_for_update()).one()
            row.settings = {**row.settings, SECTION: {**said, "from": payload["a"], "pending": ""}}
            row.settings_version += 1
            audit.note(session, app.clock(), "mailed_link", "confirm_sender")
            done = True
    set_language(store.language)
    return render_template("desk/confirm_sender.html", store=store, address=payload["a"], done=done)


def _mail_host(app: Services) -> str:
    found = _HOST.search(app.config.smtp_url.get_secret_value())
    return (found[1] or found[2] or "") if found else ""


JOBS = {"desk.confirm_sender": Kind(confirm_sender, attempts=300, longest_pause=300)}
