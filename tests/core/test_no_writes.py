"""A database that can be read and not written: whoever writes is asked to come back, and `/readyz` says so."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db.database import Database
from core.jobs.worker import Worker
from core.platform.sample import World
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.samples import ANN, anns_order, deliver


@contextmanager
def read_only(db: Database) -> Iterator[None]:
    """Let the database refuse writes, as a standby does or a file system that was mounted read-only."""

    def refuse(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=ON")

    if db.is_sqlite:
        db.close()
        sa.event.listen(db.engine, "engine_connect", refuse)
        try:
            yield
        finally:
            sa.event.remove(db.engine, "engine_connect", refuse)
            db.close()
        return
    name = db.engine.url.database
    with db.engine.connect() as connection:
        connection.exec_driver_sql(f"alter database {name} set default_transaction_read_only = on")
        connection.commit()
    db.close()
    try:
        yield
    finally:
        with db.engine.connect() as connection:
            connection.exec_driver_sql("set transaction read write")
            connection.exec_driver_sql(f"alter database {name} reset default_transaction_read_only")
            connection.commit()
        db.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def order(worker: Worker, world: World, store: Store) -> None:
    world.put(anns_order())
    worker.run_until_idle()


@pytest.mark.usefixtures("order")
def test_a_read_only_database_answers_503_to_writes_and_readyz_says_so(
    client: FlaskClient, services: Services, store: Store, clock: Clock
) -> None:
    assert client.get("/readyz").status_code == 200
    clock.forward(minutes=1)
    with read_only(services.db):
        ready = client.get("/readyz")
        assert (ready.status_code, ready.get_json()["ok"], ready.get_json()["writable"]) == (503, False, False)
        links = client.post(f"/shop/{store.key}/links", json={"email": ANN})
        assert (links.status_code, links.headers["Retry-After"]) == (503, "30")
        assert links.get_json()["error"]["code"] == "away"
        page = client.post(f"/find/{store.key}/links", data={"email": ANN}, headers={"Sec-Fetch-Site": "same-origin"})
        assert page.status_code == 503
        assert deliver(client, services, store, "order", "1") == 503
    clock.forward(minutes=1)
    assert client.get("/readyz").get_json() | {"oldest_waiting_seconds": 0} == {
        "ok": True,
        "migrations_current": True,
        "writable": True,
        "oldest_waiting_seconds": 0,
    }
    assert deliver(client, services, store, "order", "1") == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("order")
def test_a_full_disk_answers_503_and_readyz_says_so_until_there_is_room(
    client: FlaskClient, services: Services, store: Store, clock: Clock
) -> None:
    services.db.close()
    with largest_file(64 * 1024):
        answers = [deliver(client, services, store, "order", str(n)) for n in range(60)]
        assert (answers[0], answers[-1], set(answers)) == (200, 503, {200, 503})
        ready = client.get("/readyz")
        assert (ready.status_code, ready.get_json()["writable"]) == (503, False)
    assert client.get("/readyz").status_code == 200
    assert deliver(client, services, store, "order", "1") == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_readyz_writes_at_most_every_few_seconds(client: FlaskClient, services: Services, clock: Clock) -> None:
    commits: list[str] = []
    sa.event.listen(services.db.engine, "before_cursor_execute", lambda *given: commits.append(given[2][:6].upper()))
    for _ in range(20):
        assert client.get("/readyz").status_code == 200
    assert commits.count("INSERT") == 1
    clock.forward(seconds=10)
    client.get("/readyz")
    assert commits.count("INSERT") == 2
