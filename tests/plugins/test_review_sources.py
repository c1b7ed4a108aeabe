"""What the core relies on at every source of reviews, and what a store may rely on whatever a source does.

Each law stands once; each source's harness says how its provider does it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db.base import SYSTEM
from core.desk.reviews.review_facts import view_review
from core.jobs import queue
from core.jobs.worker import Worker
from core.platform.errors import AccessLost, BadSignature, Unavailable
from core.platform.registry import discover, discover_review_sources
from core.platform.reviews.review_source import ReviewSource, SourceHook
from core.platform.sample import World
from core.platform.samples.reviews.sample_reviews import SampleReviews
from core.platform.snapshots import Change, Gone, Page, ReviewSnapshot
from core.privacy import personal_data
from core.reviews.model import Reply, Review
from core.reviews.published import list_answered
from core.reviews.sources import connect as connections
from core.reviews.sources.open_source import make_source
from core.reviews.sources.source_jobs import feed_of, read_feed
from core.secrets import Keyring, Unsealable
from core.services import Services
from core.stores import housekeeping, install
from core.stores.model import ConnectedSource, Feed, Store
from tests.conftest import KEY, Clock, connect
from tests.core.reviews.scene import SORRY, answer, edit, read, remove, said_there
from tests.core.samples import ANN, anns_review
from tests.plugins.review_worlds import SOURCES, Account, harness

NEW_KEY = "another-key-of-this-installation-Qm41"
WORDS = tuple(f"Words {number}." for number in range(7))


@pytest.fixture(params=SOURCES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def services(services: Services) -> Services:
    return replace(services, review_sources=SOURCES)


@pytest.fixture
def open_account(name: str, tmp_path: Path, clock: Clock) -> Callable[[str], Account]:
    return lambda account: harness(name)(tmp_path, account, clock())


@dataclass
class Scene:
    """Max's store with the sources he connected, and time that passes for all of them."""

    services: Services
    store: Store
    worker: Worker
    clock: Clock
    name: str
    accounts: list[Account] = field(default_factory=list)

    def connect(self, account: Account, store: Store | None = None) -> ConnectedSource:
        """Let Max connect an account as its words say."""
        self.accounts.append(account)
        return connections.connect(self.services, store or self.store, self.name, account.typed)

    def pass_time(self, **delta: float) -> None:
        """Let time pass, everywhere."""
        self.clock.forward(**delta)
        for account in self.accounts:
            account.move_clock(self.clock())

    def work(self, minutes: int = 4) -> None:
        """Do what is due now and within some minutes: listings that get ready, second tries."""
        self.worker.run_until_idle()
        for _ in range(minutes):
            self.pass_time(minutes=1)
            self.worker.run_until_idle()

    def read(self, row: ConnectedSource, reading: str = "") -> None:
        """Promise a reading of a source, from 60 days ago where it is a full one."""
        job = read_feed(feed_of(row.key, reading), (self.clock() - timedelta(days=60)).isoformat())
        with self.services.db.transaction(row.store_id) as session:
            queue.enqueue(session, row.store_id, job, now=self.clock())

    def row(self, row: ConnectedSource) -> ConnectedSource:
        """A source as it stands."""
        with self.services.db.transaction(row.store_id, write=False) as session:
            return session.get_one(ConnectedSource, (row.store_id, row.id))

    def reviews(self, store: Store | None = None) -> dict[str, str]:
        """The words of the reviews that the desk may show, by their refs as stored."""
        return {row.ref: row.text for row in self.rows(store) if row.gone_at is None}

    def rows(self, store: Store | None = None) -> list[Review]:
        """All of a store's reviews."""
        with self.services.db.transaction((store or self.store).id, write=False) as session:
            return list(session.scalars(sa.select(Review).order_by(Review.id)))

    def answer(self, ref: str) -> Reply:
        """Let Max answer the review that is stored under this ref."""
        return answer(self.services, self.store, next(row.id for row in self.rows() if row.ref == ref))


@pytest.fixture
def scene(services: Services, store: Store, worker: Worker, clock: Clock, name: str) -> Scene:
    return Scene(services, store, worker, clock, name)


@pytest.fixture
def account(open_account: Callable[[str], Account], clock: Clock) -> Account:
    """An account with seven reviews, two of them of the same moment."""
    opened = open_account("linden")
    for number, words in enumerate(WORDS):
        opened.post(str(number), words, clock() - timedelta(hours=7 - min(number, 5)))
    return opened


@pytest.fixture
def source(name: str, account: Account) -> ReviewSource:
    return SOURCES[name](account.typed, requests.Session())


def pages_of(source: ReviewSource, since: str) -> Iterator[Page[ReviewSnapshot]]:
    page = source.reviews_since(since)
    yield page
    while not page.last:
        page = source.reviews_since(page.cursor)
        yield page


# How a source is found, and what it answers.


def test_a_source_is_found_by_its_folder_whose_name_it_bears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = "from core.platform.samples.reviews.sample_reviews import SampleReviews as REVIEW_SOURCE\n"
    for package, folder in (("right_plugins", "sample_reviews"), ("wrong_plugins", "another")):
        (tmp_path / package / folder).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / folder / "__init__.py").write_text(sample)
    monkeypatch.syspath_prepend(str(tmp_path))
    right, wrong = map(importlib.import_module, ("right_plugins", "wrong_plugins"))
    assert (discover_review_sources(right), discover(right)) == ({"sample_reviews": SampleReviews}, {})
    with pytest.raises(ValueError, match="another"):
        discover_review_sources(wrong)


def test_a_source_says_what_it_asks_for_and_whose_account_it_is(source: ReviewSource, account: Account) -> None:
    assert {one.name for one in source.fields} == account.typed.keys()
    assert all(one.label for one in source.fields)
    assert source.identify().ref


def test_keys_that_open_nothing_are_access_lost_in_the_providers_words(source: ReviewSource, account: Account) -> None:
    account.revoke()
    for ask in (source.identify, lambda: source.fetch_review("1"), lambda: source.publish_reply("1", "x", key="k")):
        with pytest.raises(AccessLost, match=account.says):
            ask()


def test_a_provider_in_trouble_is_unavailable(source: ReviewSource, account: Account) -> None:
    account.trouble()
    with pytest.raises(Unavailable):
        source.fetch_review("1")


def test_all_reviews_are_listed_and_a_missing_one_is_gone(source: ReviewSource, clock: Clock) -> None:
    pages = list(pages_of(source, (clock() - timedelta(days=1)).isoformat()))
    assert {review.ref for page in pages for review in page.snapshots} == set("0123456")
    listed = next(review for page in pages for review in page.snapshots if review.ref == "3")
    assert listed == source.fetch_review("3")
    assert source.fetch_review("999999") == Gone("999999")


def test_news_is_signed_and_names_the_review(source: ReviewSource, name: str, account: Account) -> None:
    if not source.has_webhooks:
        pytest.skip(f"{name} sends no news")
    source.prepare(SourceHook("https://care.example/x", "shared"))
    source.prepare(SourceHook("https://care.example/x", "shared"))
    news = account.news("3")
    assert source.read_webhook(news, secret="shared") == [Change("review", "3")]
    for forged in (replace(news, body=news.body.replace(b"3", b"4")), replace(news, headers={})):
        with pytest.raises(BadSignature):
            source.read_webhook(forged, secret="shared")
    with pytest.raises(BadSignature):
        source.read_webhook(news, secret="another")


# What a store relies on.


def test_a_source_is_read_to_its_last_page_each_review_once(scene: Scene, account: Account) -> None:
    row = scene.connect(account)
    scene.work()
    assert scene.reviews() == {f"{row.key}:{number}": words for number, words in enumerate(WORDS)}
    assert {one.source for one in scene.rows()} == {row.key}


def test_read_twice_nothing_changes(scene: Scene, account: Account) -> None:
    row = scene.connect(account)
    scene.work()
    before = [(one.id, one.digest, one.fetched_at) for one in scene.rows()]
    scene.read(row, "import")
    scene.work()
    assert [(one.id, one.digest, one.fetched_at) for one in scene.rows()] == before


def test_a_reading_that_dies_goes_on_at_the_page_where_it_was(scene: Scene, account: Account, worker: Worker) -> None:
    asked: list[str] = []

    class Dying(SOURCES[scene.name]):  # type: ignore[misc]
        def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
            asked.append(cursor)
            if len(asked) == 4:
                raise RuntimeError("the process is killed")
            page: Page[ReviewSnapshot] = super().reviews_since(cursor)
            return page

    worker.services = replace(scene.services, review_sources={scene.name: Dying})
    scene.connect(account)
    scene.work()
    assert len(scene.reviews()) == len(WORDS)
    assert asked.count(asked[3]) > 1
    assert asked.count(asked[2]) == 1


def test_what_is_written_edited_and_deleted_there_follows_here(scene: Scene, account: Account, clock: Clock) -> None:
    row = scene.connect(account)
    scene.work()
    account.post("3", "Mended.", clock())
    account.post("new", "Late.", clock())
    account.delete("5")
    scene.pass_time(minutes=15)
    scene.read(row)
    scene.work()
    scene.read(row, "reconcile")
    scene.work()
    found = scene.reviews()
    assert (found[f"{row.key}:3"], found[f"{row.key}:new"]) == ("Mended.", "Late.")
    assert f"{row.key}:5" not in found
    assert len(found) == len(WORDS)


def test_a_refused_key_closes_that_source_alone_until_it_opens_again(
    scene: Scene, account: Account, open_account: Callable[[str], Account], world: World, clock: Clock
) -> None:
    other = open_account("oak")
    row, beside = scene.connect(account), scene.connect(other)
    scene.work()
    account.revoke()
    for one in (account, other):
        one.post("new", "Since then.", clock())
    world.put(anns_review("r1", at=clock()))
    scene.pass_time(minutes=2)
    for one in (row, beside):
        scene.read(one)
    again = read_feed("reviews", (clock() - timedelta(days=1)).isoformat())
    with scene.services.db.transaction(scene.store.id) as session:
        queue.enqueue(session, scene.store.id, again, now=clock())
    scene.work(1)
    refused = scene.row(row)
    assert (refused.state, refused.state_reason) == ("refused", account.says)
    assert (scene.row(beside).state, stuck(scene)) == ("open", [])
    assert {f"{beside.key}:new", "r1"} <= scene.reviews().keys()
    account.restore()
    scene.work(12)
    assert scene.row(row).state == "open"
    assert f"{row.key}:new" in scene.reviews()


def test_a_first_reading_that_met_a_refusal_goes_on_once_the_source_opens(scene: Scene, account: Account) -> None:
    row = scene.connect(account)
    scene.worker.run_until_idle()
    account.revoke()
    scene.work(1)
    assert (scene.row(row).state, scene.reviews()) == ("refused", {})
    account.restore()
    scene.work(12)
    assert len(scene.reviews()) == len(WORDS)


def stuck(scene: Scene) -> list[str]:
    with scene.services.db.transaction(scene.store.id, write=False) as session:
        return list(session.scalars(sa.select(queue.Job.reason).where(queue.Job.state.in_(["stuck", "paused"]))))


def test_two_accounts_with_the_same_ref_stay_apart_in_one_store_and_in_two(
    scene: Scene, account: Account, open_account: Callable[[str], Account], tmp_path: Path, clock: Clock
) -> None:
    other = open_account("oak")
    other.post("3", "Theirs.", clock() - timedelta(hours=1))
    elsewhere = connect(scene.services, World(tmp_path / "oak.db"), "oak")
    row, second = scene.connect(account), scene.connect(other)
    there = scene.connect(account, elsewhere)
    scene.work()
    assert row.key != second.key
    assert (scene.reviews()[f"{row.key}:3"], scene.reviews()[f"{second.key}:3"]) == (WORDS[3], "Theirs.")
    account.post("3", "Mine alone.", clock())
    scene.pass_time(minutes=2)
    scene.read(row)
    scene.work()
    assert (scene.reviews()[f"{row.key}:3"], scene.reviews()[f"{second.key}:3"]) == ("Mine alone.", "Theirs.")
    assert scene.reviews(elsewhere)[f"{there.key}:3"] == WORDS[3]


def test_the_readings_of_the_platform_and_of_a_source_leave_each_others_reviews_alone(
    scene: Scene, account: Account, world: World, clock: Clock
) -> None:
    world.put(anns_review("r1", at=clock()))
    row = scene.connect(account)
    scene.work()
    before = scene.reviews()
    nightly = read_feed("reviews.reconcile", (clock() - timedelta(days=60)).isoformat())
    with scene.services.db.transaction(scene.store.id) as session:
        queue.enqueue(session, scene.store.id, nightly, now=clock())
    scene.work()
    assert (scene.reviews(), len(before)) == (before, len(WORDS) + 1)
    scene.read(row, "reconcile")
    scene.work()
    assert (scene.reviews(), stuck(scene)) == (before, [])


def test_a_reply_whose_answer_was_lost_stands_there_once_and_nowhere_else(
    scene: Scene, account: Account, world: World, clock: Clock
) -> None:
    world.put(anns_review("3", at=clock()))
    row = scene.connect(account)
    scene.work()
    reply = scene.answer(f"{row.key}:3")
    account.lose_next_answer()
    scene.work()
    assert read(scene.services, scene.store, reply).state == "published"
    assert (account.replies("3"), said_there(world, "3")) == ([SORRY], [])
    with scene.services.db.transaction(scene.store.id, write=False) as session:  # ours is not told as another's
        review = session.get_one(Review, (scene.store.id, reply.review_id))
        assert view_review(session, review).elsewhere == []
        assert list_answered(session, review.product_ref, 1) == ([], False)  # nor shown by our script
    edit(scene.services, scene.store, read(scene.services, scene.store, reply), "So sorry.")
    scene.work()
    assert account.replies("3") == ["So sorry."]
    remove(scene.services, scene.store, read(scene.services, scene.store, reply))
    scene.work()
    assert (account.replies("3"), read(scene.services, scene.store, reply).state) == ([], "removed")


def test_an_answer_to_the_platforms_review_goes_to_no_source(
    scene: Scene, account: Account, world: World, clock: Clock
) -> None:
    world.put(anns_review("3", at=clock()))
    scene.connect(account)
    scene.work()
    scene.answer("3")
    scene.work()
    assert (said_there(world, "3"), account.replies("3")) == ([SORRY], [])


def test_a_reply_waits_while_its_source_refuses_and_goes_out_once_it_opens(scene: Scene, account: Account) -> None:
    row = scene.connect(account)
    scene.work()
    account.revoke()
    reply = scene.answer(f"{row.key}:3")
    scene.work(1)
    assert (read(scene.services, scene.store, reply).state, scene.row(row).state) == ("waiting", "refused")
    account.restore()
    scene.work(12)
    assert read(scene.services, scene.store, reply).state == "published"
    assert account.replies("3") == [SORRY]


def test_what_a_source_refuses_of_a_reply_is_kept_in_its_own_words(scene: Scene, account: Account) -> None:
    row = scene.connect(account)
    scene.work()
    reply = scene.answer(f"{row.key}:3")
    account.delete("3")
    scene.work()
    after = read(scene.services, scene.store, reply)
    assert after.state == "stuck"
    assert after.sentence


def test_disconnected_it_is_read_no_more_and_connected_again_its_reviews_are_back(
    scene: Scene, account: Account, world: World, clock: Clock
) -> None:
    world.put(anns_review("r1", at=clock()))
    row = scene.connect(account)
    scene.work()
    account.revoke()
    waiting = scene.answer(f"{row.key}:3")
    scene.work(1)
    with scene.services.db.transaction(scene.store.id) as session:
        connections.disconnect(session, session.get_one(ConnectedSource, (row.store_id, row.id)), now=clock())
    scene.read(row)
    scene.work()
    closed = scene.row(row)
    assert (closed.state, closed.credentials, scene.reviews().keys()) == ("closed", b"", {"r1"})
    assert read(scene.services, scene.store, waiting).state == "stuck"
    with pytest.raises(Unsealable):
        scene.services.keyring.open(closed.credentials, store_id=row.store_id, purpose="review_source")
    account.restore()
    assert scene.connect(account).id == row.id
    scene.work()
    assert len(scene.reviews()) == len(WORDS) + 1
    assert account.replies("3") == []


def test_a_reading_under_way_brings_nothing_back_once_its_source_is_disconnected(
    scene: Scene, account: Account, worker: Worker, clock: Clock
) -> None:
    rows: list[ConnectedSource] = []

    class Slow(SOURCES[scene.name]):  # type: ignore[misc]
        def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
            page: Page[ReviewSnapshot] = super().reviews_since(cursor)
            if page.snapshots and rows:
                with scene.services.db.transaction(scene.store.id) as session:
                    row = session.get_one(ConnectedSource, (rows[0].store_id, rows[0].id))
                    connections.disconnect(session, row, now=clock())
            return page

    worker.services = replace(scene.services, review_sources={scene.name: Slow})
    rows.append(scene.connect(account))
    scene.work()
    with scene.services.db.transaction(scene.store.id, write=False) as session:
        feeds = session.scalars(sa.select(Feed.name).where(Feed.name.startswith("reviews@"))).all()
    assert (scene.reviews(), feeds) == ({}, [])


def test_news_fetches_its_review_once_it_is_verified(
    scene: Scene, account: Account, clock: Clock, client: FlaskClient, open_account: Callable[[str], Account]
) -> None:
    if not SOURCES[scene.name].has_webhooks:
        pytest.skip(f"{scene.name} sends no news")
    row, other = scene.connect(account), scene.connect(open_account("oak"))
    scene.work()
    account.post("3", "Mended.", clock())
    news, path = account.news("3"), urlsplit(account.hook()).path
    beside = urlsplit(scene.accounts[1].hook()).path

    def deliver(path: str, body: bytes) -> int:
        return client.post(path, data=body, headers=dict(news.headers)).status_code

    forged = [deliver(path, news.body + b" "), deliver(beside, news.body), deliver(f"{path}x", news.body)]
    scene.worker.run_until_idle()
    assert (forged, scene.reviews()[f"{row.key}:3"]) == ([401] * 3, WORDS[3])
    assert (deliver(path, news.body), deliver(path, news.body)) == (200, 200)
    scene.worker.run_until_idle()
    assert scene.reviews()[f"{row.key}:3"] == "Mended."
    assert f"{other.key}:3" not in scene.reviews()


def test_the_clock_polls_and_checks_open_sources_alone(
    scene: Scene, account: Account, open_account: Callable[[str], Account], clock: Clock
) -> None:
    other, left = open_account("oak"), open_account("elm")
    row, refused, closed = scene.connect(account), scene.connect(other), scene.connect(left)
    scene.work()
    other.revoke()
    scene.read(refused)
    with scene.services.db.transaction(scene.store.id) as session:
        connections.disconnect(session, session.get_one(ConnectedSource, (closed.store_id, closed.id)), now=clock())
    scene.work(1)
    for kind in ("clock.poll", "clock.reconcile"):
        with scene.services.db.transaction(SYSTEM) as session:
            queue.enqueue(session, SYSTEM, queue.NewJob(kind, kind), now=clock())
    scene.worker.run_until_idle()
    with scene.services.db.transaction(scene.store.id, write=False) as session:
        promised = set(session.scalars(sa.select(queue.Job.key).where(queue.Job.key.startswith("read:reviews@"))))
        after = sa.select(queue.Job.key).where(queue.Job.state == "waiting", queue.Job.kind == "changes.read_source")
        waiting = set(session.scalars(after))
    assert waiting == {f"read:{feed_of(row.key)}", f"read:{feed_of(row.key, 'reconcile')}"}
    assert f"read:{feed_of(refused.key, 'reconcile')}" not in promised


def test_who_was_erased_stays_so_when_a_source_says_it_again(scene: Scene, account: Account, clock: Clock) -> None:
    row = scene.connect(account)
    scene.work()
    with scene.services.db.transaction(scene.store.id) as session:
        personal_data.erase_person(session, scene.services.keyring, email=ANN, now=clock())
    account.post("3", "Again.", clock())
    scene.pass_time(minutes=2)
    scene.read(row)
    scene.work()
    assert {(one.text, one.author, one.email_key) for one in scene.rows()} == {("", "", "")}


def test_its_secrets_are_sealed_anew_with_a_new_key(scene: Scene, account: Account) -> None:
    row, old = scene.connect(account), scene.services.keyring
    token = old.open_dict(row.hook, store_id=row.store_id, purpose="review_hook")["token"]
    with scene.services.db.transaction(row.store_id) as session:
        housekeeping.renew_seals(session, row.store_id, Keyring([NEW_KEY, KEY]))
    alone, found = replace(scene.services, keyring=Keyring([NEW_KEY])), scene.row(row)
    assert make_source(alone, scene.store, found).identify().ref == row.account_ref
    assert found.hook_digest == alone.keyring.digest(token, purpose="review_hook")


def test_a_store_that_leaves_takes_the_keys_of_its_sources_along(scene: Scene, account: Account, clock: Clock) -> None:
    row = scene.connect(account)
    with scene.services.db.transaction(scene.store.id) as session:
        install.uninstall(session, scene.store.id, now=clock())
    assert (scene.row(row).state, scene.row(row).credentials) == ("closed", b"")


def test_wrong_keys_and_missing_ones_connect_nothing(scene: Scene, account: Account) -> None:
    blank = next(iter(account.typed))
    with pytest.raises(connections.FieldsMissing) as missing:
        connections.connect(scene.services, scene.store, scene.name, {**account.typed, blank: "  "})
    assert missing.value.names == [blank]
    account.revoke()
    with pytest.raises(AccessLost):
        scene.connect(account)
    with pytest.raises(connections.SourceUnknown):
        connections.connect(scene.services, scene.store, "nobody", account.typed)
    with scene.services.db.transaction(scene.store.id, write=False) as session:
        assert session.scalars(sa.select(ConnectedSource)).all() == []
