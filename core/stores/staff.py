"""The merchant's staff: their sign-in, sessions and roles."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.platform.contract import StaffIdentity
from core.platform.errors import BadSignature
from core.secrets import BadToken, ExpiredToken, Keyring
from core.services import Services
from core.stores import audit
from core.stores.model import AuditEntry, Staff, Store
from core.stores.platform_access import StoreNotFound, store_by_id

SESSION_LIFE = timedelta(hours=12)
TOKEN_LIFE = timedelta(minutes=15)
"""How long a desk token is good for unless it is renewed; renewed tokens end with the session they are of."""
MEMORY_LIFE = timedelta(days=30)
"""How long a browser is believed to be the person's who was confirmed by mail in it."""
SEEN_EVERY = timedelta(hours=1)
"""How exactly `seen_at` is kept of somebody whom the platform names with each request."""
MAY_ACT = ("owner", "manager", "agent")
MAY_SET = ("owner", "manager")
_NO_PERSON = ("shopper", "policy", "law", "aftercare", "operator")
"""Names in the books that are no person's; neither is a platform's."""
_LONGEST_NAME = 100


INVITED = "mail:"
"""What the ref of somebody begins with who was invited by mail; platforms name nobody so."""


class RoleTooLow(Exception):
    """This needs somebody with more rights; the store's owner can give them."""


class AccessTaken(Exception):
    """The store's owner has taken this person's access away."""


class DeskClosed(Exception):
    """The store has removed the app: its desk opens when it is installed again."""


class SessionOver(Exception):
    """The session is no longer good: signed out, given another role, or never of this store."""


@dataclass(frozen=True, slots=True)
class DeskSession:
    """Whose session at which store's desk; `version` is the person's `session_version` when it was opened."""

    store_id: int
    staff_id: int
    version: int


@dataclass(frozen=True, slots=True)
class DeskToken:
    """A desk session carried in a header: whose, at which store, since when. `staff_id` is 0 while nobody is known."""

    store_id: int
    staff_id: int
    version: int
    began_at: datetime


def recognize(services: Services, store: Store, identity: StaffIdentity) -> Staff:
    """Find somebody the platform names with each request; noted, as by `enter`, once an hour or with another name.

    Raises what `enter` raises.
    """
    if identity.ref.startswith(INVITED):
        return enter(services, store, identity)  # which refuses them
    with services.db.transaction(store.id, write=False) as session:
        person = session.scalar(sa.select(Staff).where(Staff.ref == identity.ref))
    told = _legible(identity.name)
    is_same = (
        person is not None
        and (told in ("", person.name, *person.former_names) or _told_apart(told, identity.ref) == person.name)
        and identity.email == person.email
    )
    if person is None or not is_same or services.clock() - person.seen_at > SEEN_EVERY or person.role == "none":
        return enter(services, store, identity)
    if store.state == "uninstalled":
        raise DeskClosed
    return person


def enter(services: Services, store: Store, identity: StaffIdentity) -> Staff:
    """Note who opened the desk: the first is owner, later ones view until raised.

    Raises DeskClosed for a store that removed the app, AccessTaken for somebody who may no longer come in.
    """
    now = services.clock()
    if store.state == "uninstalled":
        raise DeskClosed
    if identity.ref.startswith(INVITED):
        raise BadSignature("a platform names nobody like somebody who was invited by mail")
    with services.db.transaction(store.id) as session:
        known = sa.select(Staff).where(Staff.ref == identity.ref)
        staff = session.scalar(known)
        if staff is None:
            store_by_id(session, store.id, lock=True)  # of two who come first at once one is the owner
            staff = session.scalar(known)  # one person may open two pages at once
        name = _own_name(services, session, identity, known=staff.name if staff else "")
        if staff is None:
            first = session.scalar(sa.select(sa.func.count()).select_from(Staff)) == 0
            role = "owner" if first else "viewer"
            staff = Staff(id=new_id(), ref=identity.ref, role=role, created_at=now)
            session.add(staff)
            audit.note(session, now, audit.STAFF, "open_desk", codes={"role": role}, staff_ref=identity.ref)
        if staff.role == "none":
            raise AccessTaken
        if staff.name and staff.name not in (name, *staff.former_names):
            staff.former_names = [*staff.former_names, staff.name]
        staff.name, staff.email = name, identity.email
        staff.language, staff.seen_at = identity.language, now
    return staff


def _own_name(services: Services, session: Session, identity: StaffIdentity, *, known: str) -> str:
    """Give the name a person goes by here: their own, with the platform's id where it is or was another's.

    People name themselves at their platform, and the log of what they did must not be mistaken for somebody else's.
    """
    claimed = _legible(identity.name) or known or _legible(identity.ref) or "?"
    told_apart = _told_apart(claimed, identity.ref)
    if known in (claimed, told_apart):
        return known
    others = sa.select(Staff.name).where(Staff.ref != identity.ref)
    before_chain = sa.select(AuditEntry.who).where(AuditEntry.staff_ref != identity.ref).distinct()
    given_up = sa.select(Staff.former_names).where(Staff.ref != identity.ref)
    taken = {*_NO_PERSON, *(platform.name for platform in services.platforms)}
    taken.update(_folded(name) for query in (others, before_chain) for name in session.scalars(query))
    taken.update(_folded(name) for names in session.scalars(given_up) for name in names)
    return told_apart if _folded(claimed) in taken else claimed


def _told_apart(name: str, ref: str) -> str:
    return f"{name} ({ref[:_LONGEST_NAME]})"


def _legible(name: str) -> str:
    """Drop what nobody sees, and what turns letters around."""
    plain = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return " ".join(plain.split())[:_LONGEST_NAME]


def _folded(name: str) -> str:
    """Reduce a name to what a reader would take for the same."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", _legible(name)).casefold()).strip()


def open_session(keyring: Keyring, staff: Staff) -> str:
    """Sign a desk session for one person at one store."""
    return keyring.sign({"s": staff.store_id, "i": staff.id, "v": staff.session_version}, purpose="desk")


def read_session(keyring: Keyring, text: str) -> DeskSession:
    """Read a desk session's text. Raises BadToken."""
    payload = keyring.verify(text, purpose="desk", max_age=SESSION_LIFE.total_seconds())
    # Sessions opened before they carried a version (2026-11) are of the first.
    return DeskSession(payload["s"], payload["i"], payload.get("v", 1))


def sign_token(
    keyring: Keyring, store_id: int, person: Staff | None, *, now: datetime, began_at: datetime | None = None
) -> str:
    """Sign a desk token; without a person it says only that the platform opened this store's desk."""
    facts = {"s": store_id, "b": int((began_at or now).timestamp())}
    if person is not None:
        facts |= {"i": person.id, "v": person.session_version}
    return keyring.sign(facts, purpose="desk-token", now=now)


def read_token(keyring: Keyring, text: str, *, now: datetime) -> DeskToken:
    """Read a desk token. Raises BadToken; ExpiredToken after 15 minutes, or 12 hours after its session began."""
    payload = keyring.verify(text, purpose="desk-token", max_age=TOKEN_LIFE.total_seconds(), now=now)
    began_at = datetime.fromtimestamp(payload["b"], UTC)
    if now - began_at > SESSION_LIFE:
        raise ExpiredToken("the session is over")
    return DeskToken(payload["s"], payload.get("i", 0), payload.get("v", 0), began_at)


def sign_memory(keyring: Keyring, person: Staff, *, now: datetime) -> str:
    """Sign that a person was confirmed by mail in this browser. It opens nothing without the platform's own word."""
    facts = {"s": person.store_id, "i": person.id, "v": person.session_version}
    return keyring.sign(facts, purpose="desk-person", now=now)


def read_memory(keyring: Keyring, text: str, *, now: datetime) -> DeskSession | None:
    """Read who was confirmed by mail in this browser; None for nobody, or more than 30 days ago."""
    try:
        payload = keyring.verify(text, purpose="desk-person", max_age=MEMORY_LIFE.total_seconds(), now=now)
    except BadToken:
        return None
    return DeskSession(payload["s"], payload["i"], payload["v"])


def person_of(session: Session, opened: DeskSession) -> tuple[Store, Staff]:
    """Load the store and the person of a desk session. Raises SessionOver and DeskClosed."""
    try:
        store = store_by_id(session, opened.store_id)
    except StoreNotFound:
        raise SessionOver from None
    person = session.get(Staff, (opened.store_id, opened.staff_id))
    if person is None or person.session_version != opened.version or person.role == "none":
        raise SessionOver
    if store.state == "uninstalled":
        raise DeskClosed
    return store, person


def sign_out(services: Services, person: Staff) -> None:
    """End all sessions of a person at this store, on every device; a copy of the cookie opens nothing either."""
    with services.db.transaction(person.store_id) as session:
        ended = sa.update(Staff).where(Staff.id == person.id)
        session.execute(ended.values(session_version=Staff.session_version + 1))


def require(staff: Staff, roles: tuple[str, ...]) -> None:
    """Raise RoleTooLow unless the person's role is one of these."""
    if staff.role not in roles:
        raise RoleTooLow
