"""How a store comes in: the state of a handshake is ours, fresh, for this platform, and works once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.platform.demo import Demo, World
from core.platform.registry import Registry
from core.secrets import new_token
from core.services import Services
from core.stores.access import link_of
from core.stores.model import AuditEntry, Store
from core.web.installs import STATE_LIFE
from core.worker import Worker
from tests.conftest import connect
from tests.core.samples import anns_order, jobs_of


class Other(Demo):
    """Another platform of the same kind."""

    name = "other"


@pytest.fixture
def services(services: Services) -> Services:
    return replace(services, platforms=Registry({"demo": Demo, "other": Other}))


def begin(client: FlaskClient, world: World, platform: str = "demo") -> str:
    """Ask to connect "linden"; give the address the merchant's browser is sent to."""
    sent = client.get(f"/install/{platform}", query_string={"store": "linden", "world": world.path})
    assert sent.status_code == 302
    assert sent.location.startswith("https://care.example/install/")
    parts = urlsplit(sent.location)
    return f"{parts.path}?{parts.query}"


def stores(services: Services) -> list[Store]:
    with services.db.system(write=False) as session:
        return list(session.scalars(sa.select(Store)))


def test_a_merchant_who_consents_has_a_store_and_its_first_reading_begins(
    client: FlaskClient, services: Services, world: World, worker: Worker
) -> None:
    world.put(anns_order())
    page = client.get(begin(client, world))
    assert page.status_code == 200
    (store,) = stores(services)
    assert (store.platform, store.ref, store.state, len(store.key)) == ("demo", "linden", "open", 16)
    assert {"prepare", "read:orders.import", "read:reviews.import"} <= set(jobs_of(services, store))


def test_a_platform_that_posts_the_keys_is_answered_exactly_200(
    client: FlaskClient, services: Services, world: World
) -> None:
    answer = client.post(begin(client, world))
    assert (answer.status_code, answer.data) == (200, b"")
    assert len(stores(services)) == 1


def test_a_state_works_once(client: FlaskClient, services: Services, world: World) -> None:
    done = begin(client, world)
    assert client.get(done).status_code == 200
    again = client.get(done)
    assert again.status_code == 401
    assert "finished before" in again.text
    with services.db.transaction(stores(services)[0].id, write=False) as session:
        assert list(session.scalars(sa.select(AuditEntry.what))) == ["connected"]


@pytest.mark.parametrize("state", ["", "forged", "é", "a.b.c", "x" * 10_000])
def test_a_state_that_is_not_ours_connects_nobody(client: FlaskClient, services: Services, state: str) -> None:
    assert client.get("/install/demo/done", query_string={"state": state}).status_code == 401
    assert stores(services) == []


def test_a_state_with_one_letter_changed_connects_nobody(client: FlaskClient, services: Services, world: World) -> None:
    done = begin(client, world)
    assert client.get(done[:-5] + ("A" if done[-5] != "A" else "B") + done[-4:]).status_code == 401
    assert stores(services) == []


@pytest.mark.parametrize(("age", "status"), [(STATE_LIFE - timedelta(minutes=1), 200), (STATE_LIFE * 2, 401)])
def test_a_state_lives_an_hour(
    client: FlaskClient, services: Services, world: World, age: timedelta, status: int
) -> None:
    payload = {"p": "demo", "n": new_token(12), "f": {"ref": "linden", "world": world.path}}
    state = services.keyring.sign(payload, purpose="install", now=datetime.now(UTC) - age)
    assert client.get("/install/demo/done", query_string={"state": state}).status_code == status


def test_a_state_begun_for_one_platform_does_not_finish_at_another(
    client: FlaskClient, services: Services, world: World
) -> None:
    done = begin(client, world, "other")
    assert client.get(done.replace("/other/", "/demo/")).status_code == 401
    assert stores(services) == []
    assert client.get(done).status_code == 200  # and was not used up by the attempt


def test_a_shopper_s_token_is_no_state(client: FlaskClient, services: Services) -> None:
    token = services.keyring.sign({"p": "demo", "n": "1", "f": {"ref": "linden"}}, purpose="shopper")
    assert client.get("/install/demo/done", query_string={"state": token}).status_code == 401


def test_an_unknown_platform_has_no_door(client: FlaskClient) -> None:
    assert client.get("/install/unheard-of").status_code == 404
    assert client.get("/install/unheard-of/done").status_code == 404


def test_a_refusal_is_one_sentence(client: FlaskClient, services: Services, world: World) -> None:
    sent = client.get("/install/demo", query_string={"world": world.path})
    parts = urlsplit(sent.location)
    refused = client.get(f"{parts.path}?{parts.query}")
    assert refused.status_code == 502
    assert "Name the sample store to connect." in refused.text
    assert stores(services) == []


def test_a_reconnect_keeps_the_store_its_key_its_hook_and_its_orders(
    client: FlaskClient, services: Services, world: World
) -> None:
    first = connect(services, world)
    link = link_of(services, first)
    assert client.get(begin(client, world)).status_code == 200
    (second,) = stores(services)
    assert (second.id, second.key) == (first.id, first.key)
    assert link_of(services, second) == link
    with services.db.transaction(second.id, write=False) as session:
        assert list(session.scalars(sa.select(AuditEntry.what).order_by(AuditEntry.id))) == ["connected", "reconnected"]


def test_the_same_name_at_two_platforms_is_two_stores(client: FlaskClient, services: Services, world: World) -> None:
    client.get(begin(client, world))
    client.get(begin(client, world, "other"))
    assert len({(store.platform, store.key, store.hook_digest) for store in stores(services)}) == 2


def test_credentials_are_sealed(services: Services, world: World) -> None:
    store = connect(services, world)
    assert world.path.encode() not in store.credentials
    assert world.path not in repr(vars(store))
