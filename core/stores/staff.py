"""Who of the merchant's people is at the desk, and what their role lets them do."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db import new_id
from core.platform.contract import StaffIdentity
from core.secrets import Keyring
from core.services import Services
from core.stores import audit
from core.stores.model import AuditEntry, Staff, Store

SESSION_LIFE = timedelta(hours=12)
MAY_ACT = ("owner", "manager", "agent")
MAY_SET = ("owner", "manager")
_NO_PERSON = ("shopper", "policy", "law", "aftercare", "operator")
"""Names in the books that are no person's; neither is a platform's."""
_LONGEST_NAME = 100


class RoleTooLow(Exception):
    """This needs somebody with more rights; the store's owner can give them."""


def enter(services: Services, store: Store, identity: StaffIdentity) -> Staff:
    """Note who opened the desk: the first is owner, later ones view until raised."""
    now = services.clock()
    with services.db.transaction(store.id) as session:
        staff = session.scalar(sa.select(Staff).where(Staff.ref == identity.ref))
        name = _own_name(services, session, identity, known=staff.name if staff else "")
        if staff is None:
            first = session.scalar(sa.select(sa.func.count()).select_from(Staff)) == 0
            role = "owner" if first else "viewer"
            staff = Staff(id=new_id(), ref=identity.ref, role=role, created_at=now)
            session.add(staff)
            audit.note(session, now, name, "opened the desk", {"role": role}, staff_ref=identity.ref)
        staff.name, staff.email = name, identity.email
        staff.language, staff.seen_at = identity.language, now
    return staff


def _own_name(services: Services, session: Session, identity: StaffIdentity, *, known: str) -> str:
    """Give the name a person goes by here: their own, with the platform's id where it is or was another's.

    People name themselves at their platform, and the log of what they did must not be mistaken for somebody else's.
    """
    claimed = _legible(identity.name) or known or _legible(identity.ref) or "?"
    told_apart = f"{claimed} ({identity.ref[:_LONGEST_NAME]})"
    if known in (claimed, told_apart):
        return known
    others = sa.select(Staff.name).where(Staff.ref != identity.ref)
    before = sa.select(AuditEntry.who).where(AuditEntry.staff_ref != identity.ref).distinct()
    taken = {*_NO_PERSON, *(platform.name for platform in services.platforms)}
    taken.update(_folded(name) for query in (others, before) for name in session.scalars(query))
    return told_apart if _folded(claimed) in taken else claimed


def _legible(name: str) -> str:
    """Drop what nobody sees, and what turns letters around."""
    plain = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return " ".join(plain.split())[:_LONGEST_NAME]


def _folded(name: str) -> str:
    """Reduce a name to what a reader would take for the same."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", _legible(name)).casefold()).strip()


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
