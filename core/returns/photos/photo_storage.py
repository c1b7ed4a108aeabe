"""Store photos of what goes back with their order, serve them by signed URL, delete those that nothing uses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.database import insert
from core.db.purpose import Purpose
from core.jobs.queue import Kind, Work
from core.orders.model import Order
from core.returns.model import ReturnPhoto, Withdrawal
from core.returns.photos.image import Photo
from core.secrets import BadToken, Keyring
from core.stores.tokens import SHOPPER_TOKEN_LIFE

PURPOSE = "photo"
LINK_LIFE = SHOPPER_TOKEN_LIFE
"""How long the address of a photo works: as long as the token with which it was asked for."""
KEPT_LOOSE = timedelta(days=1)
_BATCH = 500


class PhotoNotFound(Exception):
    """This address shows no photo, or not any more."""


def keep(session: Session, order: Order, photo: Photo, *, now: datetime) -> ReturnPhoto:
    """Keep an order's photo until a return takes it; the same picture sent twice is one."""
    row = _row_of(order.store_id, order.id, photo, now)
    session.execute(insert(session, table_of(ReturnPhoto)).values(row).on_conflict_do_nothing())
    same = sa.select(ReturnPhoto).where(ReturnPhoto.order_id == order.id, ReturnPhoto.digest == photo.digest)
    return session.scalars(same).one()


def keep_for_withdrawal(session: Session, withdrawal: Withdrawal, photo: Photo, *, now: datetime) -> None:
    """Keep a photo of a withdrawal's goods as they came back; the same picture of one withdrawal twice is one."""
    row = _row_of(withdrawal.store_id, withdrawal.order_id, photo, now)
    row |= {"withdrawal_id": withdrawal.id, "digest": f"{photo.digest}:{withdrawal.id}"}
    session.execute(insert(session, table_of(ReturnPhoto)).values(row).on_conflict_do_nothing())


def token_of(keyring: Keyring, store_id: int, photo_id: int) -> str:
    """Sign what a photo's address carries: one photo, for half an hour."""
    return keyring.sign({"s": store_id, "p": photo_id}, purpose=PURPOSE)


def read_token(keyring: Keyring, token: str) -> tuple[int, int]:
    """Give (store id, photo id) of a photo's address. Raises PhotoNotFound."""
    try:
        named = keyring.verify(token, purpose=PURPOSE, max_age=LINK_LIFE.total_seconds())
    except BadToken:
        raise PhotoNotFound from None
    return named["s"], named["p"]


def find(session: Session, store_id: int, photo_id: int) -> ReturnPhoto:
    """Load a photo. Raises PhotoNotFound, also for one whose content had to be forgotten."""
    photo = session.get(ReturnPhoto, (store_id, photo_id))
    if photo is None or not photo.content:
        raise PhotoNotFound
    return photo


def _row_of(store_id: int, order_id: int, photo: Photo, now: datetime) -> dict[str, Any]:
    return {
        "store_id": store_id,
        "id": new_id(),
        "order_id": order_id,
        "content": photo.content,
        "mime": photo.mime,
        "width": photo.width,
        "height": photo.height,
        "digest": photo.digest,
        "added_at": now,
    }


def forget_loose(work: Work) -> None:
    """Forget photos that no return and no withdrawal took within a day, in every store (a `system()` transaction)."""
    loose = sa.and_(ReturnPhoto.return_id.is_(None), ReturnPhoto.withdrawal_id.is_(None))
    old = sa.and_(loose, ReturnPhoto.added_at < work.now - KEPT_LOOSE)
    forgotten = _BATCH
    while forgotten == _BATCH:
        with work.services.db.system(Purpose.DELETE_EXPIRED) as session:
            some = session.execute(sa.select(ReturnPhoto.store_id, ReturnPhoto.id).where(old).limit(_BATCH)).all()
            mine = sa.tuple_(ReturnPhoto.store_id, ReturnPhoto.id).in_([tuple(row) for row in some])
            session.execute(sa.delete(ReturnPhoto).where(mine, old), execution_options={"synchronize_session": False})
        forgotten = len(some)


JOBS = {"clock.forget_photos": Kind(forget_loose, attempts=1)}
