"""Confirm by mail who is at the desk, where the platform's admin names no person.

Somebody types an address; where it is one of the store's people's, a code of six digits goes to it. The answer is the
same for every address, and so is the work: who belongs to a store is nobody else's business.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.jobs import queue
from core.jobs.queue import NewJob
from core.mail.smtp import BadAddress, wire_address
from core.secrets import new_code
from core.services import Services
from core.stores import audit, throttle
from core.stores.model import Nonce, Staff, Store
from core.stores.platform_access import use_once
from core.stores.staff import INVITED

CODE_LIFE = timedelta(minutes=10)
MOST_CODES = (3, 10, 30)
MOST_CHECKS = (5, 20, 60)
"""In a quarter of an hour: for an address, from a caller, at a store."""


class WrongStaffCode(Exception):
    """The mailed code was mistyped, used, or has run out, or the address is nobody's of this store."""


def promise_code(services: Services, store: Store, address: str, caller: str) -> None:
    """Promise a mail with a code to an address, if it turns out to be one of the store's people's.

    Raises TooManyTries.
    """
    code, now = new_code(), services.clock()
    address = _folded(address)
    _count(services, store, "staff-code", address, caller, MOST_CODES)
    sealed = services.keyring.seal({"to": address, "code": code}, store_id=store.id, purpose="staff-code").hex()
    with services.db.transaction(store.id) as session:
        use_once(session, services.keyring, store.id, _mark(address, code), until=now + CODE_LIFE)
        payload = {"sealed": sealed, "until": (now + CODE_LIFE).isoformat()}
        job = NewJob("desk.send_staff_code", f"staff_code:{new_id()}", payload)
        queue.enqueue(session, store.id, job, now=now)


def confirm(services: Services, store: Store, address: str, code: str, caller: str) -> Staff:
    """Use a code up and say whose it is. While the store has no owner, the store's own address is its owner's.

    Raises WrongStaffCode, TooManyTries.
    """
    address, now = _folded(address), services.clock()
    _count(services, store, "staff-code-check", address, caller, MOST_CHECKS)
    digests = services.keyring.digests(_mark(address, code), purpose="nonce")
    waiting = sa.delete(Nonce).where(Nonce.digest.in_(digests), Nonce.expires_at > now).returning(Nonce.id)
    with services.db.transaction(store.id) as session:
        used = session.execute(waiting).first() is not None
        locked = session.get(Store, store.id, with_for_update=True, populate_existing=True)
        if not used or locked is None:
            raise WrongStaffCode
        person = find_person(session, address)
        if person is None and is_owners(session, locked, address):
            ref = f"{INVITED}{address}"
            person = Staff(id=new_id(), ref=ref, name=address, email=address, created_at=now, role="owner")
            person.language, person.former_names, person.session_version = store.language, [], 1
            session.add(person)
        if person is None:
            raise WrongStaffCode
        person.seen_at = now
        audit.note(session, now, audit.STAFF, "open_desk", codes={"role": person.role}, staff_ref=person.ref)
    return person


def find_person(session: Session, address: str) -> Staff | None:
    """Find who of the store's people reads an address, the first of several; None for nobody, no access, or ""."""
    if not address:
        return None
    people = session.scalars(sa.select(Staff).where(Staff.role != "none", Staff.email != "").order_by(Staff.id))
    return next((person for person in people if _folded(person.email) == address), None)


def is_owners(session: Session, store: Store, address: str) -> bool:
    """Say whether an address is the store's own, as its platform names it, and nobody owns the desk yet."""
    owned = session.scalar(sa.select(sa.func.count()).select_from(Staff).where(Staff.role == "owner"))
    return not owned and address != "" and _folded(store.email) == address


def _folded(address: str) -> str:
    """Reduce an address to how it is compared; "" for what is none."""
    try:
        return wire_address(address).casefold()
    except BadAddress:
        return ""


def _mark(address: str, code: str) -> str:
    return f"staff-code:{address}:{code}"


def _count(services: Services, store: Store, deed: str, address: str, caller: str, most: tuple[int, int, int]) -> None:
    of_address, of_caller, of_store = most
    limits = {f"{deed}:{address}": of_address, f"{deed}:from:{throttle.caller_of(caller)}": of_caller, deed: of_store}
    throttle.count_try(services.db, services.keyring, store.id, limits, now=services.clock())
