"""Features store by store: what a store lacks is asked at connect and on news, kept, and said in words."""

from __future__ import annotations

import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.platform.contract import Feature, Missing
from core.platform.sample import Demo, World
from core.services import Services
from core.stores.connection import features
from core.stores.connection.features import features_of
from core.stores.model import Store
from core.stores.platform_access import store_by_id
from tests.core.samples import anns_review, deliver
from tests.core.shipping.seed import sign_in

NO_REPLY = {"reply": {"why": "plan", "what": "Advanced"}}
ASKABLE = {
    "why": "scope",
    "what": "read_returns",
    "scopes": ["read_returns"],
    "ask_url": "https://shop.example/grant?scope=read_returns",
}


def check(services: Services, store: Store, worker: Worker) -> Store:
    """Let the check of the connection run; give the store as it is then."""
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("stores.check_health", "check_health"), now=services.clock())
    worker.run_until_idle()
    return read_again(services, store)


def read_again(services: Services, store: Store) -> Store:
    with services.db.transaction(store.id, write=False) as session:
        return store_by_id(session, store.id)


def connection_page(services: Services, store: Store) -> str:
    client: FlaskClient = create_app(services.config, services=services).test_client()
    sign_in(services, store, client)
    return client.get(f"/admin/{store.key}/connection").text


def test_a_store_that_lacks_nothing_can_do_what_its_platform_can(
    services: Services, store: Store, worker: Worker
) -> None:
    worker.run_until_idle()
    after = read_again(services, store)
    assert features_of(services, after) == Demo.features
    assert "What this store cannot do" not in connection_page(services, after)


def test_what_a_store_lacks_is_asked_when_it_is_connected(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(missing=NO_REPLY | {"variants": ASKABLE})
    worker.run_until_idle()  # the preparation that a connection promises
    after = read_again(services, store)
    assert features_of(services, after) == Demo.features - {Feature.REPLY, Feature.VARIANTS}
    page = connection_page(services, after)
    assert "Replying to reviews: your plan does not include it. <bdi>Advanced</bdi>" in page
    assert "Choosing what to get in exchange: access to it was not granted. <bdi>read_returns</bdi>" in page
    assert 'href="https://shop.example/grant?scope=read_returns"' in page


def test_news_of_changed_scopes_is_looked_at_at_once(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(missing=NO_REPLY)
    worker.run_until_idle()
    world.play(missing={})
    client = create_app(services.config, services=services).test_client()
    facts = {"event": "scopes_changed"}
    assert deliver(client, services, store, "store", "linden", facts=facts) == 200
    worker.run_until_idle()
    assert features_of(services, read_again(services, store)) == Demo.features


def test_what_a_store_lacks_is_never_asked_of_it(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(missing={"reviews": {"why": "setting"}})
    world.put(anns_review())
    with services.db.transaction(store.id) as session:
        features.keep_missing(session, store.id, world.missing)
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(sa.table("reviews"))) == 0
        assert session.scalars(sa.select(Job.key).where(Job.state == "stuck")).all() == []


def test_a_check_that_cannot_be_made_leaves_the_features_as_they_were(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(missing=NO_REPLY)
    worker.run_until_idle()
    world.door = "away"
    assert Feature.REPLY not in features_of(services, check(services, store, worker))


def test_only_a_web_address_becomes_a_button_and_unknown_features_are_left_out(
    services: Services, store: Store
) -> None:
    said = {Feature.REPLY: Missing("scope", "x" * 400, scopes=("write_replies",), ask_url="javascript:alert(1)")}
    with services.db.transaction(store.id) as session:
        features.keep_missing(session, store.id, said)
        row = store_by_id(session, store.id)
        row.missing = {**row.missing, "teleports": {"why": "plan"}}
    (kept,) = features.missing_of(read_again(services, store)).values()
    assert (kept.why, len(kept.what), kept.scopes, kept.ask_url) == ("scope", 300, ("write_replies",), "")
