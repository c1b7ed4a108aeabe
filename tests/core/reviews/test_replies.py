"""Answering a review, on both databases: written once, published once, edited, taken back, by whoever was first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.db.base import Base
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.platform.registry import Registry
from core.platform.sample import World
from core.platform.snapshots import ReplySnapshot
from core.reviews import replies
from core.reviews.model import Reply
from core.reviews.replies import NothingSaid, ReplyChanged, ReviewNotFound
from core.services import Services
from core.stores.model import AuditEntry, Store
from tests.conftest import NOON, Clock
from tests.core.reviews.scene import (
    SORRY,
    Mute,
    answer,
    edit,
    read,
    read_again,
    remove,
    review_there,
    said_there,
    staff_of,
    the_review,
)
from tests.core.samples import anns_review


@pytest.fixture
def review_id(services: Services, store: Store, world: World) -> int:
    """Ann's two stars."""
    return review_there(services, store, world)


def rows(services: Services, store: Store, model: type[Base]) -> list[Base]:
    with services.db.transaction(store.id, write=False) as session:
        return list(session.scalars(sa.select(model)))


def test_an_answer_is_published_under_our_key_and_stands_there(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    row = answer(services, store, review_id)
    assert (row.state, row.public_text, said_there(world)) == ("waiting", "", [])
    assert the_review(services, store, review_id).answered_at == NOON
    worker.run_until_idle()
    after = read(services, store, row)
    assert (after.state, after.ref, after.public_text, after.author) == ("published", "r1/1", SORRY, "max")
    assert after.published_at is not None
    assert said_there(world) == [SORRY]
    assert the_review(services, store, review_id).replies[0]["key"] == row.key, "the review was fetched again"


def test_a_double_click_publishes_once(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    first, second = (answer(services, store, review_id) for _ in range(2))
    worker.run_until_idle()
    third = answer(services, store, review_id)
    worker.run_until_idle()
    assert first.id == second.id == third.id
    assert said_there(world) == [SORRY]
    audited = [entry.what for entry in rows(services, store, AuditEntry) if isinstance(entry, AuditEntry)]
    assert audited.count("answer_review") == 1


def test_of_two_who_answer_the_second_learns_that_somebody_was_first(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    answer(services, store, review_id)
    with pytest.raises(ReplyChanged):
        answer(services, store, review_id, "How sad.", by=staff_of(services, store, "bea"))
    worker.run_until_idle()
    assert said_there(world) == [SORRY]


def test_an_edit_reaches_the_platform_and_an_older_look_is_refused(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    row = answer(services, store, review_id)
    worker.run_until_idle()
    edit(services, store, row, "So sorry, Ann.")
    waiting = read(services, store, row)
    assert (waiting.state, waiting.public_text, waiting.version) == ("waiting", SORRY, 2)
    with pytest.raises(ReplyChanged):
        edit(services, store, row, "Never mind.")
    worker.run_until_idle()
    assert said_there(world) == ["So sorry, Ann."]
    assert read(services, store, row).public_text == "So sorry, Ann."


def test_an_edit_before_the_job_ran_is_what_gets_published(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    row = answer(services, store, review_id)
    edit(services, store, row, "So sorry, Ann.")
    worker.run_until_idle()
    assert said_there(world) == ["So sorry, Ann."]
    assert read(services, store, row).state == "published"


def test_what_is_taken_back_leaves_the_platform_and_another_may_follow(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    row = answer(services, store, review_id)
    worker.run_until_idle()
    remove(services, store, row)
    remove(services, store, row)
    assert the_review(services, store, review_id).answered_at is None
    worker.run_until_idle()
    assert (read(services, store, row).state, said_there(world)) == ("removed", [])
    with pytest.raises(ReplyChanged):
        edit(services, store, row, "Still here.", seen=2)
    again = answer(services, store, review_id, "Better words.")
    worker.run_until_idle()
    assert (again.id != row.id, said_there(world)) == (True, ["Better words."])


def test_what_is_taken_back_before_its_job_ran_is_never_published(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    row = answer(services, store, review_id)
    remove(services, store, row)
    assert read(services, store, row).state == "removed"
    worker.run_until_idle()
    assert said_there(world) == []


def test_where_the_platform_takes_no_answers_ours_is_shown_at_once(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    row = answer(services, store, review_id, through_platform=False)
    assert (row.state, row.public_text, row.published_at) == ("shown", SORRY, NOON)
    edit(services, store, row, "So sorry, Ann.", through_platform=False)
    assert read(services, store, row).public_text == "So sorry, Ann."
    remove(services, store, row, seen=2)
    worker.run_until_idle()
    assert (read(services, store, row).state, said_there(world)) == ("removed", [])


def test_a_platform_that_turns_out_to_take_none_leaves_it_to_our_script(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    worker.services = replace(services, platforms=Registry({"demo": Mute}))
    row = answer(services, store, review_id)
    worker.run_until_idle()
    after = read(services, store, row)
    assert (after.state, after.public_text, said_there(world)) == ("shown", SORRY, [])


def test_an_answer_needs_a_character_at_least(services: Services, store: Store, review_id: int) -> None:
    with pytest.raises(NothingSaid):
        answer(services, store, review_id, " \r\n ")
    assert rows(services, store, Reply) == []


def test_an_answer_that_is_on_the_platform_already_counts(
    services: Services, store: Store, world: World, clock: Clock
) -> None:
    at = NOON - timedelta(days=2)
    theirs = anns_review("r2", replies=(ReplySnapshot("x", "We are sorry.", at=at), ReplySnapshot("y", "Again.")))
    review_id = review_there(services, store, world, theirs)
    assert the_review(services, store, review_id).answered_at == at
    clock.forward(minutes=1)
    for _ in range(2):
        read_again(services, store, anns_review("r2", at=clock.forward(hours=1), text="Mended.", tells_replies=False))
    known = the_review(services, store, review_id)
    assert (known.text, [one["text"] for one in known.replies]) == ("Mended.", ["We are sorry.", "Again."])
    assert known.answered_at == at, "a listing that does not name answers takes none away"
    read_again(services, store, anns_review("r2", at=clock.forward(hours=1)))
    assert the_review(services, store, review_id).answered_at is None, "it was taken down there"


def test_a_review_the_store_says_again_stays_answered_by_us(
    services: Services, store: Store, clock: Clock, review_id: int
) -> None:
    answer(services, store, review_id, through_platform=False)
    read_again(services, store, anns_review(at=clock.forward(hours=1), text="Both came broken."))
    again = the_review(services, store, review_id)
    assert (again.text, again.answered_at) == ("Both came broken.", NOON)


def test_a_review_that_is_gone_is_not_answered(services: Services, store: Store, clock: Clock, review_id: int) -> None:
    from core.reviews import sync

    with services.db.transaction(store.id) as session:
        sync.apply_gone(session, ["r1"], asked_at=clock.forward(hours=1), now=clock.now)
    with pytest.raises(ReviewNotFound):
        answer(services, store, review_id)


def test_an_answer_of_another_review_is_not_found(
    services: Services, store: Store, world: World, review_id: int
) -> None:
    other = review_there(services, store, world, anns_review("r2"))
    row = answer(services, store, review_id)
    with services.db.transaction(store.id) as session, pytest.raises(ReviewNotFound):
        replies.find_reply(session, store.id, other, row.id)


def test_one_job_waits_however_often_staff_change_their_mind(services: Services, store: Store, review_id: int) -> None:
    row = answer(services, store, review_id)
    for number in range(3):
        edit(services, store, read(services, store, row), f"Sorry, {number}.")
    waiting = [job for job in rows(services, store, Job) if isinstance(job, Job) and job.kind.startswith("reviews.")]
    assert [(job.key, job.state) for job in waiting] == [(f"reply:{row.id}", "waiting")]
