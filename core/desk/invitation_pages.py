"""Coming in by a mailed link, and signing out."""

from __future__ import annotations

from flask import g, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import COOKIE, desk
from core.desk.sign_in import let_in
from core.http.context import require_same_site, services, set_language
from core.i18n.words import Words
from core.mail import compose
from core.mail.compose import Message
from core.secrets import new_token
from core.services import Services
from core.stores import invitation, staff
from core.stores.model import Store


@desk.route("/enter/<token>", methods=["GET", "POST"])
def enter(token: str) -> BaseResponse | str:
    """Sign in by a one-time link; the GET only asks, for scanners follow links."""
    app = services()
    if request.method == "POST":
        require_same_site()
        return let_in(*invitation.accept(app, token))
    store, person = invitation.find_invited(app, token)
    set_language(person.reads)
    return render_template("desk/enter.html", store=store, person=person)


@desk.post("/<key>/sign-out")
def sign_out(key: str) -> BaseResponse:
    """End this person's sessions, here and on every other device."""
    staff.sign_out(services(), g.person)
    page = BaseResponse(render_template("desk/signed_out.html", store=g.store), mimetype="text/html")
    page.delete_cookie(f"{COOKIE}_{key}", path="/admin", httponly=True, samesite="Lax")
    return page


def enter_url(app: Services, token: str) -> str:
    """Give the address of a sign-in link."""
    return f"{app.config.public_url}/admin/enter/{token}"


def mail_invitation(app: Services, store: Store, address: str, token: str) -> None:
    """Mail a sign-in link. Raises MailUnavailable, MailRefused, BadAddress."""
    say = Words(store.language).pgettext
    message = Message(
        to=address,
        subject=say("desk", "Your way in to the desk of %(store)s", store=store.name),
        text=say("desk", "Open this link to sign in. It works once, for 24 hours:")
        + f"\n\n{enter_url(app, token)}\n\n"
        + say("desk", "If you did not expect this, do nothing."),
        sender_name="Aftercare",
        sender_address=app.config.mail_from,
        message_id=f"<invite.{store.id:x}.{new_token(9)}@{app.config.mail_from.partition('@')[2]}>",
        language=store.language,
        kind="invite",
    )
    app.mail.send(compose.compose(message, at=app.clock()), envelope_from=message.envelope_from, to=address)
