"""Staff whom their platform's admin does not name say who they are: by an address, and the code mailed to it."""

from __future__ import annotations

from datetime import datetime

from flask import Response, abort, g, request, url_for

from core.desk.page import ask_person, desk
from core.desk.shells import frame
from core.desk.sign_in import MEMORY
from core.http.context import services
from core.http.errors import refusal_of
from core.i18n.words import Words
from core.jobs.queue import Kind, Work
from core.mail import compose
from core.mail.compose import BadAddress, MailRefused, MailUnavailable, Message
from core.orders.shop import read_code
from core.platform.errors import Refused, Unavailable
from core.services import Services
from core.stores import staff
from core.stores.people import person_check
from core.stores.people.person_check import WrongStaffCode
from core.stores.platform_access import store_by_id
from core.stores.throttle import TooManyTries


@desk.post("/<key>/person")
def send_person_code(key: str) -> Response:
    """Promise a code to the address that was typed; the answer is the same for every address."""
    _require_nobody()
    email = request.form.get("email", "")[:320]
    try:
        person_check.promise_code(services(), g.store, email, request.remote_addr or "")
    except TooManyTries as error:
        return _refuse(error, email)
    return ask_person(g.visitor, email=email, is_sent=True)


@desk.post("/<key>/person/code")
def check_person_code(key: str) -> Response:
    """Let in whoever typed the code that was mailed; their frame goes on with a token that names them."""
    _require_nobody()
    app, email = services(), request.form.get("email", "")[:320]
    try:
        code = read_code(request.form.get("code", "")[:400])
        person = person_check.confirm(app, g.store, email, code, request.remote_addr or "")
    except (WrongStaffCode, TooManyTries) as error:
        return _refuse(error, email)
    now, life = app.clock(), staff.MEMORY_LIFE
    token = staff.sign_token(app.keyring, g.store.id, person, now=now)
    g.pop("visitor")  # whose token knew nobody
    page = frame.entrance(frame.shell_for(app, g.store), url_for("desk.show_today", key=key), token=token)
    # It alone opens nothing. Partitioned: a cookie of ours inside this one admin, which browsers still keep.
    page.set_cookie(
        f"{MEMORY}_{g.store.key}",
        staff.sign_memory(app.keyring, person, now=now),
        max_age=int(life.total_seconds()),
        httponly=True,
        secure=True,
        samesite="None",
        partitioned=True,
        path="/admin",
    )
    return page


def _require_nobody() -> None:
    """Raise 404 where the platform, or a code before, has said who is here."""
    if g.visitor.person is not None:
        abort(404)


def _refuse(error: WrongStaffCode | TooManyTries, email: str) -> Response:
    refusal = refusal_of(error)
    page = ask_person(g.visitor, email=email, problem=refusal.sentence, is_sent=True)
    page.status_code = 422 if isinstance(error, WrongStaffCode) else refusal.status
    page.headers.update(refusal.headers)
    return page


def send_staff_code(work: Work) -> None:
    """Mail a code to an address of the store's people; silence for any other."""
    app: Services = work.services
    sealed = bytes.fromhex(work.payload["sealed"])
    facts = app.keyring.open_dict(sealed, store_id=work.store_id, purpose="staff-code")
    with app.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
        person = person_check.find_person(session, facts["to"])
        if person is None and not person_check.is_owners(session, store, facts["to"]):
            return
    if datetime.fromisoformat(work.payload["until"]) <= work.now:
        return
    language = (person.reads if person else "") or store.language
    say = Words(language).pgettext
    message = Message(
        to=facts["to"],
        subject=say("desk", "%(code)s is your code for the desk of %(store)s", code=facts["code"], store=store.name),
        text=say("desk", "Type this code where you opened Aftercare. It works once, for ten minutes:")
        + f"\n\n{facts['code']}\n\n"
        + say("desk", "If you did not expect this, do nothing."),
        sender_name="Aftercare",
        sender_address=app.config.mail_from,
        message_id=f"<staff.{store.id:x}.{work.job.id:x}@{app.config.mail_from.partition('@')[2]}>",
        language=language,
        kind="staff_code",
    )
    work.check_lease()
    try:
        app.mail.send(compose.compose(message, at=work.now), envelope_from=message.envelope_from, to=facts["to"])
    except MailUnavailable as error:
        raise Unavailable(error.reason) from error
    except (MailRefused, BadAddress) as error:
        raise Refused(f"The address does not take mail: {error}") from error


JOBS = {"desk.send_staff_code": Kind(send_staff_code, attempts=10, longest_pause=60)}
