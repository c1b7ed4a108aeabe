"""Who a store's mail comes from: name, support address, postal and legal lines, and a From address once it is proven.

A From address is used only after somebody who reads its mail has confirmed it; until then mail comes from ours, with
the store's name. What to publish for SPF, DKIM and DMARC stands beside the form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, staff_name
from core.desk.settings.section_form import NOTHING, save_section, show_document
from core.desk.versions.stale_forms import versioned
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
from core.stores import audit, staff
from core.stores.platform_access import store_by_id

SECTION = "mail"
_LIFE = 3 * 24 * 3600
_HOST = re.compile(r"@([^:/?]+)|//([^@:/?]+)")


@desk.get("/<key>/sender")
def edit_sender(key: str) -> str:
    """Show who a store's mail comes from."""
    return _print()


@desk.post("/<key>/sender")
@versioned(lambda key: _print())
def save_sender(key: str) -> BaseResponse | tuple[str, int]:
    """Save the sender; a new From address waits until it is confirmed by mail."""
    staff.require(g.person, staff.MAY_SET)
    wanted = _read_form()
    problems = _problems_with(wanted)
    said: dict[str, Any] = g.store.settings.get(SECTION, {})
    address = wanted["from"]
    proven = said.get("from", "") if address else ""
    pending = "" if address == proven else address

    def ask_there(session: Session) -> None:
        if pending:
            payload = {"by": staff_name()}
            new = NewJob("desk.confirm_sender", f"confirm_sender:{g.store.settings_version}", payload)
            queue.enqueue(session, g.store.id, new, now=services().clock())

    values = {**wanted, "from": proven, "pending": pending}
    if save_section(SECTION, None if problems else values, also=ask_there):
        return redirect(url_for("desk.edit_sender", key=key, saved=1))
    return _print(problems), 422


def _print(problems: Mapping[str, str] = NOTHING) -> str:
    app = services()
    said: dict[str, Any] = g.store.settings.get(SECTION, {})
    form = {name: str(said.get(name, "")) for name in ("name", "support", "address")}
    form |= {"from": said.get("pending") or said.get("from", ""), "legal": "\n".join(said.get("legal", []))}
    domain = (said.get("from") or said.get("pending") or app.config.mail_from).partition("@")[2]
    hints = check_domain_hints(domain, _mail_host(app))
    pending = said.get("pending", "")
    return show_document("sender", SECTION, form, problems=problems, pending=pending, hints=hints)


def _read_form() -> dict[str, Any]:
    plain = {name: request.form.get(name, "").strip()[:300] for name in ("name", "from", "support", "address")}
    legal = [line.strip()[:200] for line in request.form.get("legal", "").splitlines() if line.strip()]
    return plain | {"legal": legal[:6]}


def _problems_with(wanted: Mapping[str, Any]) -> dict[str, str]:
    problems = {}
    for name in ("from", "support"):
        try:
            if wanted[name]:
                wire_address(wanted[name])
        except BadAddress:
            say = words().pgettext
            problems[name] = say("desk", "%(text)s is not an e-mail address we can use.", text=wanted[name][:60])
    return problems


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
        store = store_by_id(session, payload["s"], lock=request.method == "POST")
        said = store.settings.get(SECTION, {})
        if payload["a"] not in (said.get("pending"), said.get("from")):
            raise LinkExpired
        if request.method == "POST":
            require_same_site()
            done = True
        if done and payload["a"] != said.get("from"):  # pressed twice, it is confirmed once
            store.settings = {**store.settings, SECTION: {**said, "from": payload["a"], "pending": ""}}
            store.settings_version += 1
            audit.note(session, app.clock(), "mailed_link", "confirm_sender", f"settings:{SECTION}")
    set_language(store.language)
    return render_template("desk/confirm_sender.html", store=store, address=payload["a"], done=done)


def _mail_host(app: Services) -> str:
    found = _HOST.search(app.config.smtp_url.get_secret_value())
    return (found[1] or found[2] or "") if found else ""


JOBS = {"desk.confirm_sender": Kind(confirm_sender, attempts=300, longest_pause=300)}
