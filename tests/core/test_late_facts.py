"""Facts that are late, repeated, reordered, of a store that came back or of one we do not know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app
from core.changes.deliveries import EVENT_LIFE, record
from core.changes.facts import CLOCKS_APART
from core.conversations.model import Case
from core.db.purpose import Purpose
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform import signatures
from core.platform.contract import Installation, Request
from core.platform.registry import Registry
from core.platform.sample import Demo, World, open_as_app, sign
from core.platform.sample_signing import APP_SIGNATURE, read_news
from core.platform.snapshots import Change
from core.privacy.retention import ANSWER_WITHIN
from core.services import Services
from core.stores import install
from core.stores.model import AuditEntry, Store
from core.stores.platform_access import link_of
from tests.conftest import NOON, Clock, connect
from tests.core.samples import ANN, anns_order, deliver, jobs_of
from tests.core.shipping.seed import rows, sign_in

APP_SECRET = "the secret of the sample store's app"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Silent(Demo):
    """A sample store whose books do not say whether the app is installed: its keys have to be tried."""

    name = "silent"

    def confirm(self, change: Change) -> bool | None:
        return None


class Unsigned(Demo):
    """A sample store whose signature covers an event's time and id alone; of a person's request it says `answer`."""

    name = "unsigned"
    answer: bool | None = None

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        changes = read_news(request.body)
        for change in changes:
            covered = f"{change.occurred_at}.{change.event_id}".encode()
            signatures.require_signed(covered, request.headers.get("x-signed", ""), [secret])
        return [replace(change, is_signed=False) for change in changes]

    def confirm(self, change: Change) -> bool | None:
        known = super().confirm(change)
        return self.answer if known is None else known


@pytest.fixture
def services(services: Services) -> Services:
    config = services.config.model_copy(update={"app_settings": {"demo": {"app_secret": APP_SECRET}}})
    mine = type("Mine", (Unsigned,), {})
    return replace(services, config=config, platforms=Registry({"demo": Demo, "silent": Silent, "unsigned": mine}))


def row_of(services: Services, store: Store) -> Store | None:
    with services.db.system(Purpose.INSPECT, write=False) as session:
        return session.scalar(sa.select(Store).where(Store.id == store.id))


def state_of(services: Services, store: Store) -> str:
    row = row_of(services, store)
    return row.state if row else "erased"


def tell_uninstall(client: FlaskClient, services: Services, store: Store, at: datetime | None, **more: Any) -> None:
    moment = {"occurred_at": at.isoformat()} if at else {}
    status = deliver(client, services, store, "store", store.ref, facts={"event": "uninstalled"}, **moment, **more)
    assert status == 200


def connect_silent(services: Services, world: World) -> Store:
    return install.connect(services, "silent", replace(_installation(world), ref="silent"))


def _installation(world: World) -> Installation:
    return Installation(ref="linden", name="Linden", credentials={"world": world.path}, currency="EUR")


def test_a_fact_that_nobody_signed_needs_its_event_and_its_time(services: Services, store: Store) -> None:
    at, said = services.clock(), {"event": "uninstalled"}
    told = [Change("store", "linden", at, said), Change("store", "linden", None, said, "e1")]
    unsigned = [replace(change, is_signed=False) for change in told]
    with services.db.transaction(store.id) as session:
        for changes, taken in ((unsigned, 0), (told, 2)):
            assert record(session, store, changes, b"%d" % taken, keyring=services.keyring, now=at) == taken
            session.flush()


# The end of a connection.


def test_an_uninstall_two_hours_late_does_not_wipe_a_store_that_came_back(
    client: FlaskClient, services: Services, store: Store, worker: Worker, world: World, clock: Clock
) -> None:
    worker.run_until_idle()
    removed_at = clock.forward(hours=1)
    clock.forward(hours=1)
    connect(services, world)
    clock.forward(hours=1)
    tell_uninstall(client, services, store, removed_at)
    worker.run_until_idle()
    row = row_of(services, store)
    assert row is not None
    assert (row.state, bool(row.credentials)) == ("open", True)
    assert [entry.what for entry in rows(services, store, AuditEntry)][-1] == "ignore_fact"


@pytest.mark.parametrize(
    ("apart", "is_installed", "state"),
    [
        (-CLOCKS_APART - MINUTE, False, "open"),
        (-CLOCKS_APART + MINUTE, True, "open"),
        (-CLOCKS_APART + MINUTE, False, "uninstalled"),
        (CLOCKS_APART - MINUTE, True, "open"),
        (CLOCKS_APART - MINUTE, False, "uninstalled"),
        (CLOCKS_APART + MINUTE, True, "uninstalled"),
        (None, True, "open"),
        (None, False, "uninstalled"),
    ],
)
def test_near_the_connection_the_platform_is_asked_whether_the_app_was_removed(
    client: FlaskClient,
    services: Services,
    store: Store,
    worker: Worker,
    world: World,
    clock: Clock,
    apart: timedelta | None,
    is_installed: bool,
    state: str,
) -> None:
    worker.run_until_idle()
    if is_installed:
        world.install_app()
    else:
        world.remove_app()
    connected_at = clock.now
    clock.forward(hours=2)
    tell_uninstall(client, services, store, connected_at + apart if apart is not None else None)
    worker.run_until_idle()
    assert state_of(services, store) == state


def test_of_a_store_whose_connection_has_no_time_every_uninstall_is_believed(
    client: FlaskClient, services: Services, store: Store, worker: Worker, world: World
) -> None:
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Store).where(Store.id == store.id).values(connected_at=None))
    world.install_app()
    tell_uninstall(client, services, store, NOON - timedelta(days=1))
    worker.run_until_idle()
    assert state_of(services, store) == "uninstalled"


@pytest.mark.parametrize(("door", "state"), [("open", "open"), ("locked", "uninstalled")])
def test_where_the_platform_cannot_say_the_keys_are_tried(
    client: FlaskClient, services: Services, worker: Worker, world: World, clock: Clock, door: str, state: str
) -> None:
    store = connect_silent(services, world)
    worker.run_until_idle()
    world.door = "away"
    tell_uninstall(client, services, store, clock.now)
    worker.run_until_idle()
    assert state_of(services, store) == "open", "not decided while nobody answers"
    world.door = door
    clock.forward(minutes=1)
    worker.run_until_idle()
    assert state_of(services, store) == state


def test_a_store_that_comes_back_while_its_end_is_judged_stays(
    client: FlaskClient, services: Services, worker: Worker, world: World, clock: Clock
) -> None:
    class Returning(Silent):
        name = "silent"

        def confirm(self, change: Change) -> bool | None:
            clock.forward(hours=1)
            connect_silent(services, world)  # Max installs it again while the platform is being asked
            return True

    store = connect_silent(services, world)
    worker.run_until_idle()
    services.platforms._platforms["silent"] = Returning  # type: ignore[attr-defined]
    tell_uninstall(client, services, store, clock.now)
    worker.run_until_idle()
    clock.forward(minutes=1)
    worker.run_until_idle()
    assert state_of(services, store) == "open"


def test_an_erasure_from_before_a_store_came_back_does_not_shorten_its_next_grace(
    client: FlaskClient, services: Services, store: Store, worker: Worker, world: World, clock: Clock
) -> None:
    worker.run_until_idle()
    tell_uninstall(client, services, store, clock.forward(hours=1))
    worker.run_until_idle()
    asked_at = clock.forward(hours=1)
    facts = {"request": "erase_store"}
    deliver(client, services, store, "privacy", "1", facts=facts, occurred_at=asked_at.isoformat())
    worker.run_until_idle()
    clock.forward(hours=1)
    connect(services, world)
    tell_uninstall(client, services, store, clock.forward(hours=40))
    worker.run_until_idle()
    clock.forward(hours=10)  # two days after the first uninstall, ten hours after the second
    worker.run_until_idle()
    assert state_of(services, store) == "uninstalled"
    deliver(client, services, store, "privacy", "2", facts=facts, occurred_at=clock.forward(hours=38).isoformat())
    worker.run_until_idle()
    assert state_of(services, store) == "erased"


# Stores we do not know.


def from_app(client: FlaskClient, store: str, secret: str = APP_SECRET, **news: Any) -> int:
    body = json.dumps(news).encode()
    headers = {APP_SIGNATURE: sign(secret, body), "x-demo-store": store}
    return client.post("/hooks/demo", data=body, headers=headers).status_code


ERASE: Mapping[str, Any] = {"resource": "privacy", "ref": "7", "facts": {"request": "erase", "email": ANN}}


def test_news_of_an_unknown_store_is_answered_200_where_the_app_s_secret_signed_it(client: FlaskClient) -> None:
    assert from_app(client, "nobody", **ERASE) == 200
    assert from_app(client, "nobody", "Eve's secret", **ERASE) == 401
    assert from_app(client, "", **ERASE) == 200
    assert from_app(client, "nobody", "", **ERASE) == 401


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b'{"resource": "moon", "ref": 1}', b'{"resource": "store", "ref": []}']
)
def test_odd_news_of_an_unknown_store_is_no_error(client: FlaskClient, body: bytes) -> None:
    headers = {APP_SIGNATURE: sign(APP_SECRET, body), "x-demo-store": "nobody"}
    assert client.post("/hooks/demo", data=body, headers=headers).status_code == 200
    assert client.post("/hooks/demo", data=body, headers={**headers, APP_SIGNATURE: "x"}).status_code == 401


def test_a_platform_that_signs_with_the_store_s_secret_alone_verifies_no_unknown_store(client: FlaskClient) -> None:
    headers = {"x-wc-webhook-source": "https://nobody.example"}
    assert client.post("/hooks/unsigned", data=b"{}", headers=headers).status_code == 401


def test_news_of_a_store_connected_since_it_was_remembered_as_unknown_is_kept(
    client: FlaskClient, services: Services, world: World, worker: Worker
) -> None:
    assert from_app(client, "linden", "Eve's secret", **ERASE) == 401  # the door remembers that there is no such store
    store = connect(services, world)
    worker.run_until_idle()
    assert from_app(client, "linden", **ERASE) == 200
    assert [key.partition(":")[0] for key in jobs_of(services, store)] == ["privacy"]


def test_an_event_id_no_database_takes_is_no_error(
    client: FlaskClient, services: Services, store: Store, worker: Worker
) -> None:
    worker.run_until_idle()
    for _ in range(2):
        assert from_app(client, "linden", **ERASE, event_id="e\0\ud83d") == 200
    assert len(jobs_of(services, store)) == 1


# What nobody signed.


def unsigned(
    client: FlaskClient, store: Store, services: Services, event: str, at: datetime, news: Mapping[str, Any]
) -> int:
    body = json.dumps({**news, "event_id": event, "occurred_at": at.isoformat()}).encode()
    signed = sign(link_of(services, store).secret, f"{at}.{event}".encode())
    headers = {"x-signed": signed, "x-demo-store": store.ref}
    return client.post("/hooks/unsigned", data=body, headers=headers).status_code


@pytest.fixture
def bare(services: Services, world: World, worker: Worker, clock: Clock) -> Store:
    """A store whose platform signs no bodies, connected yesterday, with Ann's order."""
    world.put(anns_order())
    store = install.connect(services, "unsigned", replace(_installation(world), ref="bare"))
    worker.run_until_idle()
    clock.forward(days=1)
    return store


def answer(services: Services, said: bool | None) -> None:
    services.platforms["unsigned"].answer = said  # type: ignore[attr-defined]


def is_erased(services: Services, store: Store) -> bool:
    return all(order.email == "" for order in rows(services, store, Order))


@pytest.mark.parametrize("said", [True, False])
def test_an_unsigned_erasure_is_done_where_the_platform_confirms_it(
    client: FlaskClient, services: Services, bare: Store, worker: Worker, clock: Clock, said: bool
) -> None:
    answer(services, said)
    assert unsigned(client, bare, services, "e1", clock.now, ERASE) == 200
    worker.run_until_idle()
    assert is_erased(services, bare) is said
    assert rows(services, bare, Case) == []


def test_an_event_is_used_once_whatever_its_body_says_the_second_time(
    client: FlaskClient, services: Services, bare: Store, worker: Worker, clock: Clock
) -> None:
    answer(services, True)
    other = {"resource": "privacy", "ref": "8", "facts": {"request": "erase", "email": "eve@elsewhere.example"}}
    at = clock.now
    assert unsigned(client, bare, services, "e1", at, other) == 200
    worker.run_until_idle()
    clock.forward(days=20)
    for _ in range(2):
        assert unsigned(client, bare, services, "e1", at, ERASE) == 200
    worker.run_until_idle()
    assert not is_erased(services, bare)
    assert len([job for job in rows(services, bare, Job) if job.kind == "changes.act"]) == 1
    assert unsigned(client, bare, services, "e2", clock.now, ERASE) == 200
    worker.run_until_idle()
    assert is_erased(services, bare)


def test_an_unsigned_fact_older_than_its_event_is_remembered_is_not_taken_in(
    client: FlaskClient, services: Services, bare: Store, worker: Worker, clock: Clock
) -> None:
    answer(services, True)
    assert unsigned(client, bare, services, "e1", clock.now - EVENT_LIFE - MINUTE, ERASE) == 200
    worker.run_until_idle()
    assert not is_erased(services, bare)


def test_an_unsigned_uninstall_is_believed_only_where_the_app_is_gone(
    client: FlaskClient, services: Services, bare: Store, worker: Worker, world: World, clock: Clock
) -> None:
    gone = {"resource": "store", "ref": "bare", "facts": {"event": "uninstalled"}}
    world.install_app()
    unsigned(client, bare, services, "e1", clock.now, gone)
    worker.run_until_idle()
    assert state_of(services, bare) == "open"
    world.remove_app()
    unsigned(client, bare, services, "e2", clock.now, gone)
    worker.run_until_idle()
    assert state_of(services, bare) == "uninstalled"


@pytest.mark.parametrize(("choice", "erased"), [("carry_out", True), ("set_aside", False)])
def test_what_nothing_confirms_is_a_case_with_a_due_date_that_staff_decide(
    client: FlaskClient, services: Services, bare: Store, worker: Worker, clock: Clock, choice: str, erased: bool
) -> None:
    for event in ("e1", "e1"):
        unsigned(client, bare, services, event, clock.now, ERASE)
    worker.run_until_idle()
    assert not is_erased(services, bare)
    (case,) = rows(services, bare, Case)
    assert (case.kind, case.state, case.due_at) == ("unconfirmed_erase", "open", clock.now + ANSWER_WITHIN)
    assert ANN not in str([job.payload for job in rows(services, bare, Job)])
    desk = create_app(services.config, services=services).test_client()
    sign_in(services, bare, desk)
    page = desk.get(f"/admin/{bare.key}/cases").text
    assert "Asks to be forgotten; the store does not confirm it" in page
    assert "Dec 19" in page or "19 Dec" in page
    path = f"/admin/{bare.key}/cases/{case.id}/decide"
    assert desk.post(path, data={"choice": "whatever"}).status_code == 400
    assert desk.post(path, data={"choice": choice}).status_code == 302
    assert desk.post(path, data={"choice": "carry_out"}).status_code == 404, "decided once"
    worker.run_until_idle()
    assert is_erased(services, bare) is erased
    (case,) = rows(services, bare, Case)
    assert (case.state, ANN in case.subject) == ("closed", not erased)


def test_viewers_do_not_decide_about_a_request(
    client: FlaskClient, services: Services, bare: Store, worker: Worker, clock: Clock
) -> None:
    unsigned(client, bare, services, "e1", clock.now, ERASE)
    worker.run_until_idle()
    (case,) = rows(services, bare, Case)
    desk = create_app(services.config, services=services).test_client()
    sign_in(services, bare, create_app(services.config, services=services).test_client(), "max")
    sign_in(services, bare, desk, "eve")
    assert desk.post(f"/admin/{bare.key}/cases/{case.id}/decide", data={"choice": "carry_out"}).status_code == 403


# Every order.


@dataclass(frozen=True)
class Step:
    """Something that happens at the store at an hour: an installation, or a fact that is told later."""

    hour: float
    what: str


HISTORIES: Mapping[str, tuple[list[Step], str, bool]] = {
    "came back": ([Step(1, "removed"), Step(2.5, "erase_store"), Step(4, "back")], "open", False),
    "forgotten, came back": ([Step(1, "removed"), Step(2, "erase"), Step(4, "back")], "open", True),
    "back at once": ([Step(1, "removed"), Step(1.1, "back"), Step(3, "erase")], "open", True),
    "left again": ([Step(1, "removed"), Step(3, "back"), Step(5, "removed")], "uninstalled", False),
    "left for good": ([Step(1, "removed"), Step(2, "erase"), Step(49, "erase_store")], "erased", True),
    "stayed": ([Step(2, "erase")], "open", True),
}
"""By name: what happens after Max connected at hour 0, how it ends, and whether Ann is forgotten."""


def orders_of_telling(steps: list[Step]) -> Iterator[list[tuple[float, Step]]]:
    """Give every order in which the facts may be told, none before it happened, with the hours; the store comes back
    at its own hour."""
    for order in permutations(steps):
        told, hour = [], 0.0
        for step in order:
            hour = max(step.hour, hour + 0.02)
            told.append((hour, step))
        if all(hour == step.hour for hour, step in told if step.what == "back"):
            yield told


class Max:
    """One merchant, whose platform tells facts in an order of its own and each of them twice."""

    def __init__(self, services: Services, client: FlaskClient, number: int, folder: Path) -> None:
        self.services, self.client, self.ref = services, client, f"store-{number}"
        self.world, self.pages = World(folder / f"{number}.db"), 0
        self.world.put(anns_order())
        self.open_page()

    def open_page(self) -> None:
        self.pages += 1
        headers = open_as_app(APP_SECRET, self.ref, nonce=f"{self.ref}:{self.pages}", world=self.world.path)
        assert self.client.get("/admin/open/demo", headers=headers).status_code == 302

    def tell(self, step: Step) -> None:
        at = (NOON + step.hour * HOUR).astimezone(UTC).isoformat()
        facts = {"event": "uninstalled"} if step.what == "removed" else {"request": step.what, "email": ANN}
        resource = "store" if step.what == "removed" else "privacy"
        news = {"resource": resource, "ref": self.ref, "facts": facts, "occurred_at": at, "event_id": f"{step.hour}"}
        assert from_app(self.client, self.ref, **news) == 200

    def end(self) -> tuple[str, bool]:
        with self.services.db.system(Purpose.INSPECT, write=False) as session:
            store = session.scalar(sa.select(Store).where(Store.ref == self.ref))
        return (store.state, is_erased(self.services, store)) if store else ("erased", True)


@pytest.mark.parametrize("name", HISTORIES)
def test_every_fact_in_every_order_ends_the_same(
    services: Services, client: FlaskClient, worker: Worker, clock: Clock, tmp_path: Path, name: str
) -> None:
    steps, state, is_forgotten = HISTORIES[name]
    tellings = list(orders_of_telling(steps))
    merchants = [Max(services, client, number, tmp_path) for number in range(len(tellings))]
    worker.run_until_idle()
    doings: list[tuple[float, int, Any]] = []
    for max_, told in zip(merchants, tellings, strict=True):
        doings += [(step.hour, 0, max_.world.remove_app) for step in steps if step.what == "removed"]
        for hour, step in told:
            doings.append((hour, 1, max_.open_page if step.what == "back" else lambda m=max_, s=step: m.tell(s)))
        facts = [step for _, step in told if step.what != "back"]
        last = max(hour for hour, _ in told)
        doings += [(last + 1, 2, lambda m=max_, s=step: m.tell(s)) for step in reversed(facts)]
    for hour in sorted({hour for hour, _, _ in doings}):
        clock.now = NOON + hour * HOUR
        for _, _, do in sorted((one for one in doings if one[0] == hour), key=lambda one: one[1]):
            do()
        worker.run_until_idle()
    clock.forward(days=5)
    worker.run_until_idle()
    assert {max_.end() for max_ in merchants} == {(state, is_forgotten)}
