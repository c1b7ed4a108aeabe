"""What a withdrawal's goods lost by more handling than testing needs: kept from the refund, with reason and photos.

Art. 14(2) of Directive 2011/83/EU: only where the store had informed of the right of withdrawal and of this. How much
is fair is not settled; the amount is staff's, is named to the shopper with reason and photos, and a person answers
whoever disagrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.returns.audit_entries import note_act
from core.returns.model import ReturnPhoto, Withdrawal
from core.returns.photos import photo_storage
from core.returns.photos.image import Photo
from core.returns.policy import policy_versions
from core.returns.requests.lifecycle import Actor, ReasonNeeded
from core.returns.return_settings import return_settings_of
from core.returns.states import IllegalMove
from core.returns.withdrawal.declare import note_goods_here
from core.returns.withdrawal.refund_terms import OPEN, check_open, quote_of
from core.stores.model import Store

MOST_PHOTOS = 5


class NotInformed(Exception):
    """The store does not say that it informs shoppers of this: then nothing may be deducted."""


class PhotosNeeded(Exception):
    """Value that was lost is shown: between one photo and five."""


def may_deduct(session: Session, store: Store, row: Withdrawal) -> bool:
    """Say whether lost value may be deducted: goods come back, their money can still be changed, the store informs."""
    return row.state in OPEN and not row.nothing_to_send and _informs(session, store)


def deduct_lost_value(
    session: Session,
    store: Store,
    row: Withdrawal,
    by: Actor,
    *,
    amount: int,
    reason: str,
    photos: Sequence[Photo],
    now: datetime,
) -> None:
    """Keep a part of a withdrawal's refund, in minor units; whoever says so has the goods, so they are noted as back.

    Said again before the money is promised, the new amount, reason and photos hold. Raises IllegalMove where nothing
    is to come back or its money was promised, NotInformed, ReasonNeeded, PhotosNeeded, ValueError for nothing or more
    than the goods' worth, NothingLeft.
    """
    check_open(session, row, "deduct_lost_value")
    if row.nothing_to_send:
        raise IllegalMove("withdrawal", row.state, "deduct_lost_value")
    if not _informs(session, store):
        raise NotInformed
    if not reason.strip():
        raise ReasonNeeded
    if not 1 <= len(photos) <= MOST_PHOTOS:
        raise PhotosNeeded
    order = session.get_one(Order, (store.id, row.order_id))
    if not 0 < amount <= _worth_of_goods(session, store, row, order):
        raise ValueError("nothing, or more than the goods were worth")
    row.lost_value, row.lost_value_reason = amount, reason.strip()[:2000]
    session.execute(sa.delete(ReturnPhoto).where(ReturnPhoto.withdrawal_id == row.id))
    for photo in photos:
        photo_storage.keep_for_withdrawal(session, row, photo, now=now)
    if row.goods_back_at is None:
        note_goods_here(session, store, row, by, now=now)
    note_act(
        session,
        row,
        "deduct_lost_value",
        actor=by.actor,
        codes={"amount": amount},
        reason=row.lost_value_reason,
        now=now,
    )


def photos_of(session: Session, row: Withdrawal) -> list[int]:
    """List the ids of the photos that show what was lost."""
    mine = sa.select(ReturnPhoto.id).where(ReturnPhoto.order_id == row.order_id, ReturnPhoto.withdrawal_id == row.id)
    return list(session.scalars(mine.order_by(ReturnPhoto.id)))


def _informs(session: Session, store: Store) -> bool:
    """Say whether the store, by its own word, informs of the right of withdrawal, and of lost value."""
    return return_settings_of(store).tells_of_lost_value and policy_versions.policy_of(session, store).informed


def _worth_of_goods(session: Session, store: Store, row: Withdrawal, order: Order) -> int:
    goods = {line["ref"] for line in row.lines}
    return sum(part.gross for part in quote_of(session, store, row, order).lines if part.ref in goods)
