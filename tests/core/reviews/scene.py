"""What the tests of reviews share: Ann's review as her store has it, Max's answer, and how both are read."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import sqlalchemy as sa

from core.orders import find
from core.platform.contract import Feature, StaffIdentity
from core.platform.sample import Demo, World
from core.platform.snapshots import ReviewSnapshot
from core.reviews import replies, sync
from core.reviews.model import Reply, Review
from core.services import Services
from core.stores import staff
from core.stores.model import Staff, Store
from tests.core.samples import anns_review

SORRY = "Sorry, Ann. A new one is on its way."


class Mute(Demo):
    """A sample store whose platform takes no answers."""

    features: ClassVar[frozenset[Feature]] = Demo.features - {Feature.REPLY}


def review_there(services: Services, store: Store, world: World, snapshot: ReviewSnapshot | None = None) -> int:
    """Let the store have a review, and us know of it; give its id."""
    said = snapshot or anns_review()
    world.put(said)
    read_again(services, store, said)
    with services.db.transaction(store.id, write=False) as session:
        return session.scalars(sa.select(Review.id).where(Review.ref == said.ref)).one()


def read_again(services: Services, store: Store, snapshot: ReviewSnapshot) -> None:
    """Let the store's snapshot in as a webhook's fetch does."""
    with services.db.transaction(store.id) as session:
        key = partial(find.email_key, keyring=services.keyring)
        sync.apply(session, store.id, [snapshot], asked_at=services.clock(), email_key=key)


def staff_of(services: Services, store: Store, ref: str = "max") -> Staff:
    """One of the merchant's people."""
    return staff.enter(services, store, StaffIdentity(ref=ref, name=ref.title()))


def answer(services: Services, store: Store, review_id: int, text: str = SORRY, **more: Any) -> Reply:
    """Let Max answer, through the platform unless told otherwise."""
    options = {"by": staff_of(services, store), "through_platform": True} | more
    with services.db.transaction(store.id) as session:
        review = replies.find_review(session, store.id, review_id, lock=True)
        return replies.answer(session, review, text, now=services.clock(), **options)


def edit(services: Services, store: Store, row: Reply, text: str, **more: Any) -> None:
    """Let Max change an answer as he last saw it."""
    options = {"seen": row.version, "by": staff_of(services, store), "through_platform": True} | more
    with services.db.transaction(store.id) as session:
        _, found = replies.find_reply(session, store.id, row.review_id, row.id)
        replies.edit(session, found, text, now=services.clock(), **options)


def remove(services: Services, store: Store, row: Reply, **more: Any) -> None:
    """Let Max take an answer back as he last saw it."""
    options = {"seen": row.version, "by": staff_of(services, store)} | more
    with services.db.transaction(store.id) as session:
        review, found = replies.find_reply(session, store.id, row.review_id, row.id)
        replies.remove(session, review, found, now=services.clock(), **options)


def read(services: Services, store: Store, row: Reply) -> Reply:
    """An answer as it stands."""
    with services.db.transaction(store.id, write=False) as session:
        return session.get_one(Reply, (store.id, row.id))


def the_review(services: Services, store: Store, review_id: int) -> Review:
    """A review as it stands."""
    with services.db.transaction(store.id, write=False) as session:
        return session.get_one(Review, (store.id, review_id))


def said_there(world: World, ref: str = "r1") -> list[str]:
    """What the platform shows under a review."""
    review = world.review(ref)
    return [reply.text for reply in review.replies] if review else []
