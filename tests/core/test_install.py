"""How a store comes in: the state of a handshake is ours, fresh, for this platform, and works once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Job, Kind, NewJob, PauseStore, Work
from core.jobs.worker import Worker
from core.platform.contract import (
    Installation,
    InstallUrls,
    Pending,
    Platform,
    Reply,
    Request,
    SealState,
    UnsealState,
)
from core.platform.errors import AccessLost, NotSupported, PlatformError, Refused, Unavailable
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.platform.samples.rich import Rich
from core.platform.samples.rich_store import RichStore
from core.secrets import new_token
from core.services import Services
from core.stores.model import AuditEntry, Store
from core.stores.platform_access import link_of, open_platform
from core.stores.worker_access import WorkerAccess
from core.web.installs import STATE_LIFE
from plugins.woocommerce.platform import WooCommerce
from tests.conftest import Clock, connect
from tests.core.samples import anns_order, jobs_of
from tests.plugins.rich.harness import APP as RICH_APP


class Other(Demo):
    """Another platform of the same kind."""

    name = "other"


class Moody(Demo):
    """A platform whose store answers the hand-over of its keys with the error of that name."""

    name = "moody"
    moods = MappingProxyType(
        {
            "mistyped": Refused("There is no shop at that address."),
            "locked": AccessLost("These keys do not open the shop."),
            "away": Unavailable("The shop does not answer.", retry_after=7.0),
            "unable": NotSupported("A shop of this kind is connected from its own admin."),
            "odd": PlatformError("The shop said something odd."),
        }
    )

    @classmethod
    def finish_install(
        cls, request: Request, app: Mapping[str, str], *, unseal: UnsealState, urls: InstallUrls, http: requests.Session
    ) -> Installation | Pending:
        """Fail in the way the query names."""
        raise cls.moods[request.query]


class Hosted(Demo):
    """A platform that asks for consent at addresses of its own, and here sends merchants wherever they say."""

    name = "hosted"
    consent_domains = ("stores.example",)

    @classmethod
    def begin_install(cls, request: Request, app: Mapping[str, str], *, seal: SealState, urls: InstallUrls) -> Reply:
        """Send the merchant to the address in the query."""
        return Reply(303, {"Location": parse_qs(request.query)["store"][0]})


@pytest.fixture
def services(services: Services) -> Services:
    own: dict[str, type[Platform]] = {"demo": Demo, "other": Other, "moody": Moody, "hosted": Hosted}
    config = services.config.model_copy(update={"app_settings": {"rich": RICH_APP}})
    return replace(services, config=config, platforms=Registry(own | {"rich": Rich, "woocommerce": WooCommerce}))


def begin(client: FlaskClient, world: World, platform: str = "demo") -> str:
    """Ask to connect "linden"; give the address the merchant's browser is sent to."""
    sent = client.get(f"/install/{platform}", query_string={"store": "linden", "world": world.path})
    assert sent.status_code == 302
    assert sent.location.startswith("https://care.example/install/")
    parts = urlsplit(sent.location)
    return f"{parts.path}?{parts.query}"


def stores(services: Services) -> list[Store]:
    with services.db.system(Purpose.INSPECT, write=False) as session:
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


def test_a_code_is_exchanged_with_the_address_it_was_asked_for(
    client: FlaskClient, services: Services, tmp_path: Path
) -> None:
    assert client.get(begin(client, RichStore(tmp_path / "rich.db"), "rich")).status_code == 200
    (store,) = stores(services)
    assert (store.platform, store.ref) == ("rich", "linden")
    open_platform(services, store).check_access()


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
    assert refused.status_code == 400
    assert "Name the sample store to connect." in refused.text
    assert stores(services) == []


@pytest.mark.parametrize(
    ("mood", "status"), [("mistyped", 400), ("locked", 400), ("away", 503), ("unable", 404), ("odd", 502)]
)
def test_whose_fault_it_is_shows_in_the_status_and_the_sentence_is_the_store_s(
    client: FlaskClient, mood: str, status: int
) -> None:
    refused = client.get(f"/install/moody/done?{mood}")
    assert refused.status_code == status
    assert str(Moody.moods[mood]) in refused.text
    assert refused.headers.get("Retry-After") == ("7" if status == 503 else None)


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


@pytest.mark.parametrize("late", [AccessLost("These keys do not open the shop."), PauseStore("closed")])
def test_what_a_job_learns_of_keys_that_were_replaced_meanwhile_closes_nothing(
    services: Services, world: World, clock: Clock, late: Exception
) -> None:
    store = connect(services, world)
    tries: list[int] = []

    def handler(work: Work) -> None:
        tries.append(work.job.attempts)
        if len(tries) == 1:
            connect(services, world)  # Max reconnects while the platform is being asked with the old keys
            raise late

    worker = Worker(services, {"work": Kind(handler)}, stores=WorkerAccess())
    promise(services, store)
    worker.run_until_idle()
    assert [(one.state, one.state_reason) for one in stores(services)] == [("open", "")]
    clock.forward(minutes=2)
    worker.run_until_idle()
    assert tries == [1, 2]
    assert "work" in jobs_of(services, store, state="done")


def test_keys_that_do_not_work_close_the_store_and_a_reconnect_opens_it(
    services: Services, world: World, worker: Worker, clock: Clock
) -> None:
    store = connect(services, world)
    worker.run_until_idle()
    world.door = "locked"
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "work", {"ref": "1"}), now=services.clock())
    for _ in range(10):
        worker.run_until_idle()
        clock.forward(minutes=1)
    assert [(one.state, one.state_reason) for one in stores(services)] == [
        ("closed", "the sample store has changed its locks")
    ]
    assert jobs_of(services, store, state="paused") == ["work"]
    world.door = "open"
    connect(services, world)
    assert [one.state for one in stores(services)] == ["open"]
    assert "work" in jobs_of(services, store)


def promise(services: Services, store: Store) -> None:
    """Promise work of the test's own, and nothing else."""
    with services.db.transaction(store.id) as session:
        session.execute(sa.delete(Job))
        queue.enqueue(session, store.id, NewJob("work", "work"), now=services.clock())


def test_the_same_name_at_two_platforms_is_two_stores(client: FlaskClient, services: Services, world: World) -> None:
    client.get(begin(client, world))
    client.get(begin(client, world, "other"))
    assert len({(store.platform, store.key, store.hook_digest) for store in stores(services)}) == 2


def test_credentials_are_sealed(services: Services, world: World) -> None:
    store = connect(services, world)
    assert world.path.encode() not in store.credentials
    assert world.path not in repr(vars(store))


# Where a merchant is sent


@pytest.mark.parametrize("address", ["https://linden.stores.example/consent?a=1", "https://stores.example:443/"])
def test_consent_at_an_address_of_the_platform_is_gone_to_at_once(client: FlaskClient, address: str) -> None:
    sent = client.get("/install/hosted", query_string={"store": address})
    assert (sent.status_code, sent.location) == (303, address)


@pytest.mark.parametrize(
    "address",
    [
        "https://eve.example/stores.example",
        "https://eve-stores.example/",
        "https://stores.example.eve.example/",
        "https://stores.example@eve.example/",
        "https://eve.example\\@linden.stores.example/",
        "http://linden.stores.example/",
        "https://linden.stores.example:8443/",
        "//eve.example/",
        "https://care.example.eve.example/",
        "javascript:alert(1)",
    ],
)
def test_consent_anywhere_else_is_refused(client: FlaskClient, address: str) -> None:
    refused = client.get("/install/hosted", query_string={"store": address})
    assert refused.status_code == 400
    assert "location" not in refused.headers
    assert "No Sample store asks for consent at that address." in refused.text


def test_a_store_on_its_merchant_s_own_server_is_gone_to_by_a_link_that_names_it(client: FlaskClient) -> None:
    page = client.get("/install/woocommerce", query_string={"store": "linden.example/shop"})
    assert page.status_code == 200
    assert "location" not in page.headers
    assert 'href="https://linden.example/shop/wc-auth/v1/authorize?' in page.text
    assert "<h1>Connect https://linden.example?</h1>" in page.text
    assert "refresh" not in page.text.lower()
    vietnamese = client.get("/install/woocommerce?store=linden.example&lang=vi")
    assert "https://linden.example" in vietnamese.text
    assert "Connect" not in vietnamese.text


@pytest.mark.parametrize(
    "store",
    ["127.0.0.1", "http://10.0.0.8", "[::1]:8000", "169.254.169.254", "localhost", "intranet", "printer.local"],
)
def test_an_address_inside_a_private_network_is_no_store(client: FlaskClient, store: str) -> None:
    refused = client.get("/install/woocommerce", query_string={"store": store})
    assert refused.status_code == 400
    assert "is not an address on the public internet" in refused.text
