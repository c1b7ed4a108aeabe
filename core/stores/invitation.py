"""Let people in whom no platform names: a one-time sign-in link by mail; and raise or lower anybody's role."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.mail.smtp import wire_address
from core.secrets import BadToken, new_token
from core.services import Services
from core.stores import audit
from core.stores.model import Staff, Store
from core.stores.platform_access import store_by_id, use_once
from core.stores.staff import INVITED, DeskClosed

LINK_LIFE = timedelta(hours=24)
ROLES = ("owner", "manager", "agent", "viewer")
TAKEN = "none"
"""The role of somebody who may no longer come in."""
BY = "operator"
"""Who the log says gave a role: whoever may run commands here."""


class InvitationOver(Exception):
    """The sign-in link was used, is too old, or its person's role has changed since."""


class NoSuchPerson(Exception):
    """Nobody of this store's people has this address or id."""


class LastOwner(Exception):
    """A store keeps an owner: make somebody else one first."""


def invite(services: Services, store: Store, address: str, role: str) -> str:
    """Give somebody a role and the token of a link that signs them in once, within a day.

    Invited again, an earlier link stops working. Raises BadAddress, DeskClosed, and LastOwner.
    """
    if role not in ROLES:
        raise ValueError(role)
    address, now = wire_address(address), services.clock()
    with services.db.transaction(store.id) as session:
        if store_by_id(session, store.id, lock=True).state == "uninstalled":
            raise DeskClosed
        ref = f"{INVITED}{address.casefold()}"
        person = session.scalar(sa.select(Staff).where(Staff.ref == ref))
        if person is None:
            person = Staff(id=new_id(), ref=ref, name=address, email=address, created_at=now, seen_at=now)
            person.language, person.role, person.session_version = store.language, role, 0
            session.add(person)
        elif role != "owner":
            _keep_an_owner(session, person)
        person.role, person.session_version = role, person.session_version + 1
        audit.note(session, now, BY, "invite", f"staff:{ref}", {"role": role})
        facts = {"s": store.id, "i": person.id, "v": person.session_version, "n": new_token(12)}
    return services.keyring.sign(facts, purpose="invite", now=now)


def find_invited(services: Services, token: str) -> tuple[Store, Staff]:
    """Say whom a sign-in link would let in where, and use nothing up. Raises InvitationOver, DeskClosed."""
    facts = _read(services, token)
    with services.db.transaction(facts["s"], write=False) as session:
        return _behind(session, facts)


def accept(services: Services, token: str) -> tuple[Store, Staff]:
    """Use a sign-in link up. Raises InvitationOver, DeskClosed."""
    facts, now = _read(services, token), services.clock()
    with services.db.transaction(facts["s"]) as session:
        store, person = _behind(session, facts)
        if not use_once(session, services.keyring, store.id, f"invite:{facts['n']}", until=now + LINK_LIFE):
            raise InvitationOver
        person.seen_at = now
        audit.note(session, now, audit.STAFF, "open_desk", codes={"role": person.role}, staff_ref=person.ref)
    return store, person


def set_role(services: Services, store: Store, who: str, role: str) -> Staff:
    """Raise or lower somebody, named by address or by the platform's id; their sessions end.

    "none" takes their access away. Raises NoSuchPerson and LastOwner.
    """
    if role not in (*ROLES, TAKEN):
        raise ValueError(role)
    now = services.clock()
    with services.db.transaction(store.id) as session:
        store_by_id(session, store.id, lock=True)
        named = sa.or_(Staff.ref == who, Staff.ref == f"{INVITED}{who.casefold()}")
        person = session.scalar(sa.select(Staff).where(named))
        if person is None:
            raise NoSuchPerson
        if role != "owner":
            _keep_an_owner(session, person)
        before, person.role, person.session_version = person.role, role, person.session_version + 1
        audit.note(session, now, BY, "change_role", f"staff:{person.ref}", {"role": role, "before": before})
    return person


def list_people(services: Services, store: Store) -> list[Staff]:
    """List everybody who was ever let in, the first first."""
    with services.db.transaction(store.id, write=False) as session:
        return list(session.scalars(sa.select(Staff).order_by(Staff.created_at, Staff.id)))


def _keep_an_owner(session: Session, person: Staff) -> None:
    others = sa.select(sa.func.count()).select_from(Staff).where(Staff.role == "owner", Staff.id != person.id)
    if person.role == "owner" and not session.scalar(others):
        raise LastOwner


def _read(services: Services, token: str) -> dict[str, int]:
    try:
        life = LINK_LIFE.total_seconds()
        return services.keyring.verify(token, purpose="invite", max_age=life, now=services.clock())
    except BadToken:
        raise InvitationOver from None


def _behind(session: Session, facts: dict[str, int]) -> tuple[Store, Staff]:
    person = session.get(Staff, (facts["s"], facts["i"]))
    if person is None or person.session_version != facts["v"] or person.role == TAKEN:
        raise InvitationOver
    store = store_by_id(session, facts["s"])
    if store.state == "uninstalled":
        raise DeskClosed
    return store, person
