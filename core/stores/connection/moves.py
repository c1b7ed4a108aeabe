"""A known store's id at another address: a store that moved, or a copy of it.

Where the platform vouches for its ids, the store has moved. Elsewhere an id is what a server says of itself: a
staging site carries it along with the database, and anybody can write another's. There a store moves by itself only
where three things hold: it says that it is live; its database holds the webhooks we gave the first, whose address is a
secret; and the first no longer answers, or calls itself by the new address. Otherwise the first store's owner is asked.
"""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from core.db.base import new_id
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.platform.contract import Installation
from core.platform.errors import Moved, NotSupported, PlatformError, Refused, Unavailable, Unreachable
from core.platform.responses import find_origin
from core.secrets import Unsealable
from core.services import Services
from core.stores import audit, install
from core.stores.connection import owner_mail
from core.stores.model import Store, StoreClaim
from core.stores.platform_access import link_of, open_platform, platform_at, store_by_id

CHOICES = ("moved", "separate", "copy")
"""What the owner may say of another address: the store itself, a store of its own, or a copy to leave alone."""
MOST_CLAIMS = 3
"""How many addresses wait for the owner's word at once: each is a mail, and anybody can send one."""
PATIENCE = 4
"""Tries to remove webhooks at an address that does not answer."""
TOO_MANY = "Several addresses already say that they are this store. Its owner decides on those first."


class ClaimOver(Exception):
    """What an address is was decided already."""


def admit(services: Services, platform: str, installation: Installation) -> Store | StoreClaim:
    """Connect a store, the same one where it has moved; or ask the owner of the store whose id this one carries.

    Calls the platform, so it must not run inside a transaction. Raises Refused where too many addresses wait.
    """
    first = _first_with_id(services, platform, installation)
    if first is None:
        return install.connect(services, platform, installation)
    if not services.platforms[platform].copies_keep_id or _has_moved(services, first, installation):
        return install.connect(services, platform, installation, moved=first.id)
    return _ask_owner(services, first, installation)


def _first_with_id(services: Services, platform: str, installation: Installation) -> Store | None:
    """Give the store that has this id at another ref; None where the ref is known, or the id says nothing."""
    here = sa.select(Store.id).where(Store.platform == platform, Store.ref == installation.ref)
    same_id = sa.select(Store).where(Store.platform == platform, Store.platform_id == installation.store_id)
    if services.platforms[platform].copies_keep_id:
        same_id = same_id.where(Store.state != "uninstalled")  # nobody there could be asked
    with services.db.system(Purpose.FIND_STORE, write=False) as session:
        if not installation.store_id or session.scalar(here) is not None:
            return None
        return session.scalar(same_id.order_by(Store.created_at, Store.id).limit(1))


def _has_moved(services: Services, first: Store, installation: Installation) -> bool:
    """Say whether it is certain that the first store is at the installation's address now."""
    if not installation.is_live:
        return False
    try:
        there = platform_at(services, first.platform, installation.ref, installation.credentials, first.settings)
        if not there.holds_webhooks_of(link_of(services, first)):
            return False
        answers = open_platform(services, first, although_closed=True).identify()
    except Unreachable:
        return True
    except Moved as moved:
        return moved.target == find_origin(installation.ref)
    except (PlatformError, Unsealable):  # it may be down for a moment
        return False
    return answers.ref == installation.ref


def _ask_owner(services: Services, first: Store, installation: Installation) -> StoreClaim:
    """Keep the installation until the owner has decided; asked again from the same address, keep the newer keys."""
    now, facts = services.clock(), asdict(installation)
    credentials = dict(facts.pop("credentials"))
    with services.db.transaction(first.id) as session:
        store = store_by_id(session, first.id, lock=True)
        claims = {claim.ref: claim for claim in session.scalars(sa.select(StoreClaim))}
        is_new = installation.ref not in claims
        if is_new and len(claims) >= MOST_CLAIMS:
            raise Refused(TOO_MANY)
        claim = claims.get(installation.ref) or StoreClaim(id=new_id(), ref=installation.ref, found_at=now)
        claim.is_live, claim.facts = installation.is_live, facts
        claim.credentials = services.keyring.seal(credentials, store_id=store.id, purpose="credentials")
        session.add(claim)
        if is_new:
            owner_mail.promise(session, store, "claimed", occasion=str(claim.id), about=claim.id, now=now)
            audit.note(session, now, "aftercare", "ask_about_address", f"claim:{claim.id}")
    return claim


def decide(services: Services, store: Store, claim_id: int, choice: str) -> None:
    """Do as the owner says: let the store move, connect the other as a store of its own, or forget it.

    Raises ClaimOver where it was decided before.
    """
    with services.db.transaction(store.id, write=False) as session:
        claim = session.get(StoreClaim, (store.id, claim_id))
    if claim is None:
        raise ClaimOver
    keys = services.keyring.open_dict(claim.credentials, store_id=store.id, purpose="credentials")
    installation = Installation(credentials=keys, **claim.facts)
    # Connected first: done twice it is the same, and a question lost halfway would never be asked again.
    if choice == "moved":
        install.connect(services, store.platform, installation, moved=store.id)
    elif choice == "separate":
        install.connect(services, store.platform, installation)
    with services.db.transaction(store.id) as session:
        session.execute(sa.delete(StoreClaim).where(StoreClaim.id == claim_id))
        codes = {"choice": choice}
        audit.note(session, services.clock(), audit.STAFF, "decide_about_address", f"claim:{claim_id}", codes)


def leave_address(work: Work) -> None:
    """Remove our webhooks at an address the store has left, if another site is there, and prepare the new one again."""
    services: Services = work.services
    with services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
    left, sealed = work.payload["ref"], bytes.fromhex(work.payload["credentials"])
    try:
        keys = services.keyring.open_dict(sealed, store_id=store.id, purpose="credentials")
        old = platform_at(services, store.platform, left, keys, store.settings)
        try:
            answers = old.identify().ref
        except NotSupported:
            answers = left
        if answers == left:  # else the store itself answers there too, and its webhooks are the new ones
            old.remove_webhooks(link_of(services, store))
    except Unavailable as error:
        if work.job.attempts < PATIENCE and not isinstance(error, Unreachable):
            raise
    except (Refused, Unsealable):  # moved away, keys gone: there is nothing left to remove, or no way to
        pass
    with work.done() as session:
        queue.enqueue(session, work.store_id, NewJob("stores.prepare", "prepare"), now=work.now)


JOBS = {"stores.leave_address": Kind(leave_address)}
