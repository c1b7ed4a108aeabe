"""The door for news: what was signed is promised once and answered 200; what was not costs no row and no query."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app
from core.db.purpose import Purpose
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.platform.registry import Registry
from core.platform.sample import SIGNATURE, Demo, World, sign
from core.platform.sample_signing import news_query
from core.services import Services
from core.stores import install
from core.stores.model import Store
from core.stores.platform_access import link_of, store_named
from core.web.hooks import MOST_BYTES, REMEMBERED, StoreLookup
from tests.conftest import connect
from tests.core.samples import anns_order, deliver, hook_path, jobs_of, statements

NEWS = json.dumps({"resource": "order", "ref": "1"}).encode()


@pytest.fixture(autouse=True)
def first_reading_done(worker: Worker, store: Store) -> None:
    """The jobs of the installation have run: what waits after that came through the door."""
    worker.run_until_idle()


def failures(services: Services, store: Store) -> int:
    with services.db.system(Purpose.INSPECT, write=False) as session:
        return session.scalars(sa.select(Store.signature_failures).where(Store.id == store.id)).one()


def test_signed_news_is_answered_200_and_becomes_one_job(client: FlaskClient, services: Services, store: Store) -> None:
    assert deliver(client, services, store, "order", "1") == 200
    assert jobs_of(services, store) == ["order:1"]


def test_a_hundred_deliveries_about_one_order_become_one_job(
    client: FlaskClient, services: Services, store: Store
) -> None:
    assert {deliver(client, services, store, "order", "1") for _ in range(100)} == {200}
    assert jobs_of(services, store) == ["order:1"]


def test_news_of_two_orders_and_a_review_are_three_jobs(client: FlaskClient, services: Services, store: Store) -> None:
    for resource, ref in (("order", "1"), ("order", "2"), ("review", "1")):
        deliver(client, services, store, resource, ref)
    assert jobs_of(services, store) == ["order:1", "order:2", "review:1"]


def test_what_the_store_did_not_sign_is_answered_401_and_leaves_no_row(
    client: FlaskClient, services: Services, store: Store
) -> None:
    assert client.post(hook_path(services, store), data=NEWS).status_code == 401
    for signature in ("", "forged", "\xfcnicode", sign("Eve's secret", NEWS), sign("", NEWS)):
        answer = client.post(hook_path(services, store), data=NEWS, headers={SIGNATURE: signature})
        assert (signature, answer.status_code) == (signature, 401)
    assert jobs_of(services, store) == []


def test_a_signature_over_other_bytes_is_refused(client: FlaskClient, services: Services, store: Store) -> None:
    headers = {SIGNATURE: sign(link_of(services, store).secret, NEWS)}
    answer = client.post(hook_path(services, store), data=NEWS + b" ", headers=headers)
    assert answer.status_code == 401


def test_a_forged_flood_costs_no_statement_once_the_store_is_remembered(
    client: FlaskClient, services: Services, store: Store
) -> None:
    assert deliver(client, services, store, "order", "1") == 200
    with statements(services.db) as seen:
        answers = {deliver(client, services, store, "order", "1", secret="Eve's secret") for _ in range(50)}
    assert (answers, seen) == ({401}, [])


def test_an_unknown_token_costs_one_look_and_is_then_remembered_as_unknown(
    client: FlaskClient, services: Services
) -> None:
    with statements(services.db) as first:
        assert client.post("/hooks/demo/nobody", data=NEWS).status_code == 401
    with statements(services.db) as second:
        assert client.post("/hooks/demo/nobody", data=NEWS).status_code == 401
    assert first
    assert second == []


def test_one_store_s_secret_does_not_open_another_store_s_door(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    other = connect(services, world, "other")
    worker.run_until_idle()
    assert deliver(client, services, store, "order", "1", secret=link_of(services, other).secret) == 401
    assert jobs_of(services, store) == []


def test_a_store_is_also_found_by_the_name_its_delivery_carries(
    client: FlaskClient, services: Services, store: Store
) -> None:
    headers = {SIGNATURE: sign(link_of(services, store).secret, NEWS), "x-demo-store": store.ref}
    assert client.post("/hooks/demo", data=NEWS, headers=headers).status_code == 200
    assert jobs_of(services, store) == ["order:1"]
    assert client.post("/hooks/demo", data=NEWS, headers=headers | {"x-demo-store": "nobody"}).status_code == 401
    assert client.post("/hooks/demo", data=NEWS).status_code == 401


@pytest.mark.parametrize("name", ["lin\0den", "\ud800", "x" * 401], ids=["NUL", "half a letter", "too long"])
def test_a_name_no_store_can_have_finds_none_and_asks_nothing(services: Services, name: str) -> None:
    with statements(services.db) as asked:
        assert StoreLookup().find(services, "demo", ref=name) is None
        assert store_named(services, "demo", name) is None
    assert list(asked) == []


def told_by_get(services: Services, store: Store, **news: object) -> str:
    query = news_query(link_of(services, store).secret, json.dumps(news).encode())
    return f"{hook_path(services, store)}?{query}"


def test_news_told_by_get_is_taken_in_and_nothing_keeps_the_answer(
    client: FlaskClient, services: Services, store: Store
) -> None:
    told = told_by_get(services, store, resource="order", ref="1")
    answer = client.get(told)
    assert (answer.status_code, answer.data, answer.headers.get("Cache-Control")) == (200, b"", "no-store")
    assert jobs_of(services, store) == ["order:1"]
    assert client.get(told.replace("1%22", "2%22")).status_code == 401
    assert client.get(hook_path(services, store)).status_code == 401
    assert client.head(told).status_code == 405
    assert jobs_of(services, store) == ["order:1"]


def test_two_facts_told_by_get_are_two_and_one_that_is_told_twice_is_one(
    client: FlaskClient, services: Services, store: Store
) -> None:
    for request in ("export", "erase", "erase"):
        told = told_by_get(services, store, resource="privacy", ref="7", facts={"request": request})
        assert client.get(told).status_code == 200
    assert len(jobs_of(services, store)) == 2


class Posts(Demo):
    """A sample store that tells its news by POST alone, as most do."""

    webhooks_by_get = False


def test_a_platform_that_posts_its_news_is_heard_by_nothing_else(services: Services, store: Store) -> None:
    posting = replace(services, platforms=Registry({"demo": Posts}))
    client = create_app(posting.config, services=posting).test_client()
    assert client.get(told_by_get(services, store, resource="order", ref="1")).status_code == 405
    assert jobs_of(services, store) == []


def test_a_replay_after_the_fetch_finds_nothing_new_to_write(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.put(anns_order())
    deliver(client, services, store, "order", "1")
    worker.run_until_idle()
    deliver(client, services, store, "order", "1")
    with statements(services.db) as seen:
        worker.run_until_idle()
    assert [statement for statement in seen if "UPDATE orders" in statement or "INTO shipments" in statement] == []


def test_a_replayed_fact_adds_no_row(client: FlaskClient, services: Services, store: Store, worker: Worker) -> None:
    for _ in range(3):
        assert deliver(client, services, store, "privacy", "7", facts={"erase": "ann"}) == 200
        worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        found = session.scalars(sa.select(Job).where(Job.kind == "changes.act")).all()
    assert [(job.state, job.attempts) for job in found] == [("stuck", 1)]


def test_what_was_signed_but_says_nothing_is_answered_200(
    client: FlaskClient, services: Services, store: Store
) -> None:
    for body in (b"", b"not json", b"\xff", b"<html>", b"[]", b'"order"', b"{}", b'{"resource": "moon", "ref": 1}'):
        headers = {SIGNATURE: sign(link_of(services, store).secret, body)}
        assert (body, client.post(hook_path(services, store), data=body, headers=headers).status_code) == (body, 200)
        assert (body, client.post(hook_path(services, store), data=body).status_code) == (body, 401)
    assert jobs_of(services, store) == []


@pytest.mark.parametrize("chunked", [False, True])
def test_an_oversized_delivery_is_answered_413(
    client: FlaskClient, services: Services, store: Store, chunked: bool
) -> None:
    body = b"x" * (MOST_BYTES + 1)
    headers = {SIGNATURE: sign(link_of(services, store).secret, body)}
    more = {"environ_overrides": {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}} if chunked else {}
    assert client.post(hook_path(services, store), data=body, headers=headers, **more).status_code == 413
    assert jobs_of(services, store) == []


def test_only_platforms_we_know_are_answered(client: FlaskClient) -> None:
    assert client.post("/hooks/unheard-of", data=NEWS).status_code == 404
    assert client.get("/hooks/unheard-of").status_code == 404


def test_an_uninstalled_store_s_privacy_request_is_kept_and_its_order_news_dropped(
    client: FlaskClient, services: Services, store: Store
) -> None:
    with services.db.transaction(store.id) as session:
        install.uninstall(session, store.id, now=services.clock())
    assert deliver(client, services, store, "order", "1") == 200
    assert deliver(client, services, store, "privacy", "7", facts={"erase": "ann"}) == 200
    assert [key.partition(":")[0] for key in jobs_of(services, store)] == ["privacy"]


def test_a_store_that_came_back_loses_no_news_to_the_door_s_memory(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    with services.db.transaction(store.id) as session:
        install.uninstall(session, store.id, now=services.clock())
    deliver(client, services, store, "order", "1")  # now the door remembers an uninstalled store
    connect(services, world)
    worker.run_until_idle()
    deliver(client, services, store, "order", "1")
    assert jobs_of(services, store) == ["order:1"]


def test_wrong_signatures_are_counted_at_most_once_a_minute_and_forgotten_after_a_good_one(
    client: FlaskClient, services: Services, store: Store
) -> None:
    seconds = [0.0]
    client.application.extensions["aftercare.door"] = StoreLookup(lambda: seconds[0])
    for _ in range(5):
        deliver(client, services, store, "order", "1", secret="Eve's secret")
    assert failures(services, store) == 0
    seconds[0] += REMEMBERED
    deliver(client, services, store, "order", "1", secret="Eve's secret")
    assert failures(services, store) == 6
    seconds[0] += REMEMBERED
    deliver(client, services, store, "order", "1")
    assert failures(services, store) == 0
