"""Commands about a store's people; each prints what it did and gives its exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from core.app import make_services
from core.config import BadConfig, Config
from core.db.purpose import Purpose
from core.desk.invitation_pages import enter_url, mail_invitation
from core.mail.compose import BadAddress, MailRefused, MailUnavailable
from core.services import Services
from core.stores import invitation
from core.stores.invitation import LastOwner, NoSuchPerson
from core.stores.model import Store
from core.stores.staff import DeskClosed


def invite(config: Config, store: str, address: str, role: str, *, only_print: bool = False) -> int:
    """Give somebody a role, and mail them a one-time sign-in link; print it where no mail server is set up."""
    with _at(config, store) as (services, found):
        try:
            token = invitation.invite(services, found, address, role)
            if only_print or not config.smtp_url.get_secret_value():
                print(f"This link lets {address} in once, for 24 hours:\n{enter_url(services, token)}")
                return 0
            mail_invitation(services, found, address, token)
        except DeskClosed:
            return _fail("This store has removed Aftercare. Its desk opens when it is installed again.")
        except LastOwner:
            return _fail("A store keeps an owner. Make somebody else one first.")
        except (BadAddress, MailRefused, MailUnavailable) as error:
            return _fail(f"No link was sent: {error}. With --print it is shown here instead.")
    print(f"A link was mailed to {address}. It works once, for 24 hours.")
    return 0


def set_role(config: Config, store: str, person: str, role: str) -> int:
    """Raise or lower somebody; "none" takes their access away."""
    with _at(config, store) as (services, found):
        try:
            changed = invitation.set_role(services, found, person, role)
        except NoSuchPerson:
            return _fail("Nobody of this store's people has this address or id. See: python -m core staff")
        except LastOwner:
            return _fail("A store keeps an owner. Make somebody else one first.")
    print(f"{changed.name} is now {role}. Their sessions have ended.")
    return 0


def list_staff(config: Config, store: str) -> int:
    """Print a store's people with role, id and when they were last seen."""
    with _at(config, store) as (services, found):
        for person in invitation.list_people(services, found):
            print(f"{person.role:8} {person.ref:32} {person.name}  last seen {person.seen_at:%Y-%m-%d}")
    return 0


@contextmanager
def _at(config: Config, wanted: str) -> Iterator[tuple[Services, Store]]:
    """Open the services and find a store by its key or its address at its platform. Raises BadConfig."""
    services = make_services(config)
    try:
        with services.db.system(Purpose.FIND_STORE, write=False) as session:
            named = sa.or_(Store.key == wanted, Store.ref == wanted.rstrip("/"))
            stores = session.scalars(sa.select(Store).where(named)).all()
        if len(stores) != 1:
            raise BadConfig("No store here has this key or address." if not stores else "Name the store by its key.")
        yield services, stores[0]
    finally:
        services.db.close()


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1
