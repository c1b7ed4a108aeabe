"""The job that makes the platform say what a reply says: lost answers, refusals, a store that is away, an erasure."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
import sqlalchemy as sa

from core.app import wire_kinds
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.platform.errors import AccessLost, Unavailable
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.platform.snapshots import ReplySnapshot
from core.privacy import personal_data
from core.reviews import replies
from core.reviews.model import Reply
from core.reviews.replies import ReplyChanged
from core.services import Services
from core.stores.model import Store
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON, Clock
from tests.core.reviews.scene import SORRY, answer, edit, read, remove, review_there, said_there, staff_of
from tests.core.samples import ANN


class Forgetful(Demo):
    """A sample store that does what it is asked, and whose receipt is lost on the way. It keeps no key to go by."""

    calls: ClassVar[list[str]] = []
    lost: ClassVar[int] = 1

    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Publish a second one when asked a second time."""
        type(self).calls.append(text)
        there = self.world.review(review_ref)
        assert there is not None
        reply = ReplySnapshot(f"{review_ref}/{len(there.replies) + 1}", text, key, NOON)
        self.world.put(replace(there, replies=(*there.replies, reply)))
        if len(self.calls) <= self.lost:
            raise Unavailable("the line went dead")
        return reply


@pytest.fixture
def forgetful(worker: Worker) -> type[Forgetful]:
    worker.services = replace(worker.services, platforms=Registry({"demo": Forgetful}))
    Forgetful.calls = []
    return Forgetful


@pytest.fixture
def review_id(services: Services, store: Store, world: World) -> int:
    """Ann's two stars."""
    return review_there(services, store, world)


def test_an_answer_whose_receipt_was_lost_is_looked_for_and_stands_once(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock, review_id: int,
    forgetful: type[Forgetful],
) -> None:  # fmt: skip
    row = answer(services, store, review_id)
    worker.run_until_idle()
    assert (read(services, store, row).state, said_there(world)) == ("waiting", [SORRY])
    clock.forward(minutes=5)
    worker.run_until_idle()
    after = read(services, store, row)
    assert (after.state, after.ref, forgetful.calls, said_there(world)) == ("published", "r1/1", [SORRY], [SORRY])


def test_a_lost_answer_that_was_edited_meanwhile_is_edited_there(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock, review_id: int,
    forgetful: type[Forgetful],
) -> None:  # fmt: skip
    row = answer(services, store, review_id)
    worker.run_until_idle()
    edit(services, store, row, "So sorry, Ann.")
    clock.forward(minutes=5)
    worker.run_until_idle()
    assert (forgetful.calls, said_there(world)) == ([SORRY], ["So sorry, Ann."])


def test_a_lost_answer_that_was_taken_back_meanwhile_is_removed_there(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock, review_id: int,
    forgetful: type[Forgetful],
) -> None:  # fmt: skip
    row = answer(services, store, review_id)
    worker.run_until_idle()
    assert said_there(world) == [SORRY]
    remove(services, store, row)
    clock.forward(minutes=5)
    worker.run_until_idle()
    assert (read(services, store, row).state, said_there(world)) == ("removed", [])


def test_a_refusal_is_kept_in_the_platforms_words_and_tried_again_on_a_click(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    there = world.review("r1")
    assert there is not None
    world.remove("review", "r1")
    row = answer(services, store, review_id)
    worker.run_until_idle()
    stuck = read(services, store, row)
    assert (stuck.state, stuck.sentence, stuck.public_text) == ("stuck", "This review is no longer there.", "")
    world.put(there)
    again(services, store, row)
    worker.run_until_idle()
    after = read(services, store, row)
    assert (after.state, after.sentence, said_there(world)) == ("published", "", [SORRY])
    with pytest.raises(ReplyChanged):
        again(services, store, row)


def again(services: Services, store: Store, row: Reply) -> None:
    """Let Max click "Try again"."""
    max_ = staff_of(services, store)
    with services.db.transaction(store.id) as session:
        replies.retry(session, session.get_one(Reply, (store.id, row.id)), by=max_, now=services.clock())


def test_a_store_that_stays_away_leaves_the_answer_stuck_after_the_last_try(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock, review_id: int
) -> None:
    world.door = "away"
    row = answer(services, store, review_id)
    for _ in range(7):
        worker.run_until_idle()
        assert read(services, store, row).state == "waiting"
        clock.forward(hours=2)
    worker.run_until_idle()
    stuck = read(services, store, row)
    assert (stuck.state, stuck.sentence) == ("stuck", "the sample store is closed for a moment")


def test_a_store_that_changed_its_locks_pauses_the_job_and_nothing_is_stuck(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock, review_id: int
) -> None:
    worker.run_until_idle()  # the first reading, which would meet the locked door before us
    world.door = "locked"
    row = answer(services, store, review_id)
    for _ in range(10):
        worker.run_until_idle()
        clock.forward(minutes=1)
    assert read(services, store, row).state == "waiting"
    with services.db.transaction(store.id, write=False) as session:
        job = session.scalars(sa.select(Job).where(Job.kind == "reviews.tell_platform")).one()
        assert (job.state, session.get_one(Store, store.id).state) == ("paused", "closed")


class Picky(Demo):
    """A store that refuses its keys for replies alone."""

    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Refuse."""
        raise AccessLost("You may not answer reviews.")


def test_a_store_that_refuses_replies_alone_stays_open_and_the_answer_is_stuck_with_its_sentence(
    services: Services, store: Store, clock: Clock, review_id: int
) -> None:
    picky = replace(services, platforms=Registry({"demo": Picky}))
    worker = Worker(picky, wire_kinds(), stores=WorkerAccess())
    row = answer(services, store, review_id)
    for _ in range(30):
        worker.run_until_idle()
        clock.forward(minutes=1)
    assert (read(services, store, row).state, read(services, store, row).sentence) == (
        "stuck",
        "You may not answer reviews.",
    )
    with services.db.transaction(store.id, write=False) as session:
        assert session.get_one(Store, store.id).state == "open"


def test_an_erased_review_leaves_no_text_of_its_answers_and_publishes_none(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    row = answer(services, store, review_id)
    with services.db.transaction(store.id, write=False) as session:
        told = personal_data.export_person(session, services.keyring, email=ANN)
    assert told["replies"][0]["text"] == SORRY
    with services.db.transaction(store.id) as session:
        counts = personal_data.erase_person(session, services.keyring, email=ANN, now=services.clock())
    assert counts == {"reviews": 1, "replies": 1}
    worker.run_until_idle()
    after = read(services, store, row)
    assert (after.text, after.public_text, after.state, said_there(world)) == ("", "", "removed", [])


def test_an_edit_that_waits_when_its_review_is_erased_changes_nothing_at_the_platform(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    row = answer(services, store, review_id)
    worker.run_until_idle()
    edit(services, store, row, "So sorry, Ann.")
    with services.db.transaction(store.id) as session:
        personal_data.erase_person(session, services.keyring, email=ANN, now=services.clock())
    worker.run_until_idle()
    after = read(services, store, row)
    assert (after.text, after.public_text, after.state, said_there(world)) == ("", "", "published", [SORRY])
