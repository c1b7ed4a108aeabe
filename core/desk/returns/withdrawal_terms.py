"""What staff may change of a withdrawal's refund: its delivery cost, and what is kept for lost value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Response, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.flash_messages import not_possible, read_amount, reason_needed
from core.desk.page import desk, staff_name
from core.desk.returns.withdrawal_pages import print_withdrawal
from core.desk.versions.row_version import check_version
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.returns.model import ReturnPhoto, Withdrawal
from core.returns.money.refund_amount import MoreThanBought, NothingLeft
from core.returns.photos import image
from core.returns.photos.image import BadPhoto, clean_photo
from core.returns.requests.lifecycle import Actor, ReasonNeeded
from core.returns.states import IllegalMove
from core.returns.withdrawal import declare, lost_value, refund_terms
from core.returns.withdrawal.declare import WithdrawalNotFound
from core.returns.withdrawal.lost_value import MOST_PHOTOS, NotInformed, PhotosNeeded
from core.stores import staff

_Answer = BaseResponse | tuple[str, int]
_MOST_BYTES = MOST_PHOTOS * image.MOST_BYTES + 64 * 1024


@desk.post("/<key>/withdrawals/<int:withdrawal_id>/delivery-cost")
@versioned(lambda key, withdrawal_id: print_withdrawal(withdrawal_id))
def set_delivery_cost(key: str, withdrawal_id: int) -> _Answer:
    """Say how much of the delivery cost comes back, with a reason."""

    def act(session: Session, row: Withdrawal, now: datetime) -> None:
        amount = read_amount(request.form.get("amount", ""), row.currency)
        reason = request.form.get("reason", "")
        refund_terms.set_delivery_cost(session, g.store, row, _by_me(), amount=amount, reason=reason, now=now)

    staff.require(g.person, staff.MAY_ACT)
    return _do(key, withdrawal_id, "delivery-cost", act)


@desk.post("/<key>/withdrawals/<int:withdrawal_id>/lost-value")
@versioned(lambda key, withdrawal_id: print_withdrawal(withdrawal_id))
def deduct_lost_value(key: str, withdrawal_id: int) -> _Answer:
    """Keep what the goods lost in value, with a reason and photos."""
    staff.require(g.person, staff.MAY_ACT)
    request.max_content_length = _MOST_BYTES
    try:  # before a transaction is open: each takes a second
        photos = tuple(clean_photo(file.read()) for file in request.files.getlist("photos")[: MOST_PHOTOS + 1] if file)
    except BadPhoto as error:
        return print_withdrawal(withdrawal_id, {"lost-value": image.sentence(words(), error.code)}), 422

    def act(session: Session, row: Withdrawal, now: datetime) -> None:
        amount = read_amount(request.form.get("amount", ""), row.currency)
        lost_value.deduct_lost_value(
            session,
            g.store,
            row,
            _by_me(),
            amount=amount,
            reason=request.form.get("reason", ""),
            photos=photos,
            now=now,
        )

    return _do(key, withdrawal_id, "lost-value", act)


@desk.get("/<key>/withdrawals/<int:withdrawal_id>/photos/<int:photo_id>")
def show_withdrawal_photo(key: str, withdrawal_id: int, photo_id: int) -> Response:
    """A photo of what the goods lost."""
    with services().db.transaction(g.store.id, write=False) as session:
        photo = session.get(ReturnPhoto, (g.store.id, photo_id))
    if photo is None or photo.withdrawal_id != withdrawal_id:
        abort(404)
    headers = {"Cache-Control": "private, max-age=3600", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(photo.content, mimetype=photo.mime, headers=headers)


def _do(key: str, withdrawal_id: int, field: str, act: Callable[[Session, Withdrawal, datetime], None]) -> _Answer:
    """Do it in the withdrawal's transaction; what is refused is said beside its form."""
    app, say = services(), words().pgettext
    try:
        with app.db.transaction(g.store.id) as session:
            row, _ = declare.find_withdrawal(session, g.store.id, withdrawal_id)
            check_version(session, row)
            act(session, row, app.clock())
    except WithdrawalNotFound:
        abort(404)
    except IllegalMove:
        return print_withdrawal(withdrawal_id, {"": not_possible()}), 409
    except (NothingLeft, MoreThanBought):
        return print_withdrawal(withdrawal_id, {"": say("desk", "Nothing of this order is left to pay back.")}), 409
    except NotInformed:
        problem = say("desk", "Your settings do not say that your shop tells shoppers of this before they buy.")
        return print_withdrawal(withdrawal_id, {field: problem}), 409
    except ReasonNeeded:
        return print_withdrawal(withdrawal_id, {field: reason_needed(words())}), 422
    except PhotosNeeded:
        problem = say("desk", "Add between one photo and %(most)s that show it.", most=MOST_PHOTOS)
        return print_withdrawal(withdrawal_id, {field: problem}), 422
    except ValueError:
        problem = say("desk", "Give an amount such as 4.90, no more than was paid for it.")
        return print_withdrawal(withdrawal_id, {field: problem}), 422
    return redirect(url_for("desk.show_withdrawal", key=key, withdrawal_id=withdrawal_id, done=1))


def _by_me() -> Actor:
    return Actor(staff_name(), g.person.role, g.person.ref)
