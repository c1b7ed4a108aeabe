"""Who of the merchant's people is at the desk, and what their role lets them do."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from core.db.base import new_id
from core.platform.contract import StaffIdentity
from core.secrets import Keyring
from core.services import Services
from core.stores import audit
from core.stores.model import Staff, Store

SESSION_LIFE = timedelta(hours=12)
MAY_ACT = ("owner", "manager", "agent")
MAY_SET = ("owner", "manager")


class RoleTooLow(Exception):
    """This needs somebody with more rights; the store's owner can give them."""


def enter(services: Services, store: Store, identity: StaffIdentity) -> Staff:
    """Note who opened the desk: the first is owner, later ones view until raised."""
    now = services.clock()
    with services.db.transaction(store.id) as session:
        staff = session.scalar(sa.select(Staff).where(Staff.ref == identity.ref))
        if staff is None:
            first = session.scalar(sa.select(sa.func.count()).select_from(Staff)) == 0
            staff = Staff(id=new_id(), ref=identity.ref, role="owner" if first else "viewer", created_at=now)
            session.add(staff)
            role = {"role": staff.role}
            audit.note(session, now, audit.STAFF, "open_desk", codes=role, staff_ref=identity.ref)
        staff.name, staff.email = identity.name or staff.name or identity.ref, identity.email
        staff.language, staff.seen_at = identity.language, now
    return staff


def open_session(keyring: Keyring, staff: Staff) -> str:
    """Sign a desk session for one person at one store."""
    return keyring.sign({"s": staff.store_id, "i": staff.id}, purpose="desk")


def read_session(keyring: Keyring, text: str) -> tuple[int, int]:
    """Give (store id, staff id) of a desk session. Raises BadToken."""
    payload = keyring.verify(text, purpose="desk", max_age=SESSION_LIFE.total_seconds())
    return payload["s"], payload["i"]


def require(staff: Staff, roles: tuple[str, ...]) -> None:
    """Raise RoleTooLow unless the person's role is one of these."""
    if staff.role not in roles:
        raise RoleTooLow
