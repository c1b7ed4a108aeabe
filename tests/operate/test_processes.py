"""The program as processes: ready when it is, losing nothing when told to stop, and discreet in what it writes."""

from __future__ import annotations

import json
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from core.app import make_services
from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs.queue import Job
from core.orders.model import Order
from core.platform.contract import Installation
from core.services import Services
from core.stores import install
from core.stores.model import Store as StoreRow
from core.stores.platform_access import link_of
from plugins.woocommerce.signing import sign_webhook
from tests.conftest import KEY, make_config
from tests.operate.running import SMTP_PASSWORD, Running, environment, run, started, status, wait_until
from tests.stores.woocommerce import Store, make_order, serving

ANN = "ann.secretive@shopper.example"
SMTP = f"smtp+starttls://max:{SMTP_PASSWORD}@127.0.0.1:1"


@pytest.fixture
def merchant() -> Iterator[Store]:
    """Max's store on this machine."""
    store = Store(loopback=True)
    with serving(store):
        yield store


@pytest.fixture
def shop(database_url: str, merchant: Store) -> Iterator[tuple[Services, StoreRow]]:
    """Max's store, connected; the processes of a test share its database."""
    services = make_services(make_config(database_url))
    key = merchant.add_key()
    facts = {"name": "Linden", "url": merchant.url, "currency": "USD", "timezone": "America/Los_Angeles"}
    installation = Installation(ref=merchant.url, credentials={"key": key.key, "secret": key.secret}, **facts)
    yield services, install.connect(services, "woocommerce", installation)
    services.db.close()


def allowing(merchant: Store, url: str) -> dict[str, str]:
    return environment(url, outbound_allow=urlsplit(merchant.url).netloc, smtp_url=SMTP)


def delivery(services: Services, store: StoreRow, order_id: int) -> bytes:
    """A signed webhook, as it travels."""
    link = link_of(services, store)
    body = json.dumps({"id": order_id, "billing": {"email": ANN}}).encode()
    head = {
        "Host": "care.example",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-WC-Webhook-Topic": "order.updated",
        "X-WC-Webhook-Signature": sign_webhook(link.secret, body),
        "Connection": "close",
    }
    lines = [f"POST {urlsplit(link.hook_url).path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def keys_of(services: Services, store: StoreRow, state: str, kind: str = "changes.refresh_order") -> set[str]:
    with services.db.transaction(store.id, write=False) as session:
        return set(session.scalars(sa.select(Job.key).where(Job.state == state, Job.kind == kind)))


def assert_discreet(running: Running, services: Services, store: StoreRow) -> None:
    """The log holds no stack trace, nobody's name or address, and no secret."""
    said, link = running.said(), link_of(services, store)
    secrets = [KEY, SMTP_PASSWORD, link.secret, link.hook_url.rpartition("/")[2], "ck_", "cs_", "oauth"]
    for text in ["Traceback", ANN, "Ann", "Berg", *secrets]:
        assert text not in said


# Ready


@pytest.fixture
def empty_url(database_url: str) -> str:
    """A database with nothing in it."""
    if database_url.startswith("sqlite"):
        return f"{database_url}.new"
    database = Database(database_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("drop schema public cascade; create schema public")
    database.close()
    return database_url


def test_a_web_process_is_up_at_once_and_ready_once_the_schema_is_there(empty_url: str, tmp_path: Path) -> None:
    env = environment(empty_url)
    with started("serve", env=env, log=tmp_path / "web.log") as web:
        assert (status(f"{web.url}/healthz"), status(f"{web.url}/readyz")) == (200, 503)
        migrated = run("migrate", env=env)
        assert (migrated.returncode, migrated.stdout, migrated.stderr) == (0, "", "")
        assert status(f"{web.url}/readyz") == 200
        assert web.end() == 0
    assert "Traceback" not in web.said()


@pytest.fixture
def away(postgres: Callable[[], str]) -> Iterator[tuple[str, Callable[[], None]]]:
    """The URL of a database that nobody can reach yet, and what starts its server, as far as anybody can tell."""
    url = sa.make_url(postgres())
    socket_folder = str(url.query.get("host", ""))
    if not socket_folder.startswith("/"):
        pytest.skip("needs a PostgreSQL behind a socket of this machine")
    with tempfile.TemporaryDirectory(prefix="away-") as folder:  # short: a socket's path has 107 bytes at most
        later = Path(folder) / "pg"
        named = url.set(query={**url.query, "host": str(later)}).render_as_string(hide_password=False)
        yield named, lambda: later.symlink_to(socket_folder)


@pytest.mark.postgres
@pytest.mark.parametrize("verb", ["serve", "work", "migrate"])
def test_a_process_that_starts_before_its_database_waits_for_it(
    away: tuple[str, Callable[[], None]], tmp_path: Path, verb: str
) -> None:
    url, start_database = away
    log = tmp_path / "process.log"

    def start_once_asked_for() -> None:
        wait_until(lambda: log.exists() and "Trying again for up to 60 seconds." in log.read_text())
        time.sleep(1.5)  # long enough for another try in vain
        start_database()

    with ThreadPoolExecutor(1) as pool:
        started_later = pool.submit(start_once_asked_for)
        with started(verb, env=environment(url), log=log) as running:
            started_later.result()
            if verb == "serve":
                assert status(f"{running.url}/readyz") == 200
            if verb == "work":
                wait_until(lambda: has_worked(url), running)
            assert (running.process.wait(60) if verb == "migrate" else running.end()) == 0
    said = running.said()
    assert said.count("The database does not answer (OperationalError).") == 1
    assert "Traceback" not in said


def has_worked(url: str) -> bool:
    database = Database(url)
    try:
        with database.system(Purpose.INSPECT, write=False) as session:
            return bool(session.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.state == "done")))
    finally:
        database.close()


def test_a_database_that_stays_away_is_waited_for_no_longer_than_said() -> None:
    ended = run("serve", "--wait", "1", env=environment(NOWHERE))
    first, last = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert first.startswith("The database does not answer")
    assert first.endswith("Trying again for up to 1 second.")
    assert last == "The database does not answer (OperationalError). Check AFTERCARE_DATABASE_URL."
    assert SMTP_PASSWORD not in ended.stderr


# Told to stop


def test_requests_in_flight_are_answered_and_kept(
    shop: tuple[Services, StoreRow], merchant: Store, database_url: str, tmp_path: Path
) -> None:
    services, store = shop
    with started("serve", env=allowing(merchant, database_url), log=tmp_path / "web.log") as web:
        address = ("127.0.0.1", urlsplit(web.url).port or 0)
        half_sent = [begin(address, delivery(services, store, number), stop_early=9) for number in range(1, 9)]
        with ThreadPoolExecutor(16) as pool, writers_waiting(services.db):
            waiting = [begin(address, delivery(services, store, number)) for number in range(9, 17)]
            answers = [pool.submit(answer_of, *request) for request in waiting]
            time.sleep(1.0)  # by now they wait for the database
            web.process.send_signal(signal.SIGTERM)
            time.sleep(1.0)
            answers += [pool.submit(answer_of, *request) for request in half_sent]
            assert not any(answer.done() for answer in answers[:8])
            time.sleep(0.5)
            release = time.monotonic()
        assert [answer.result() for answer in answers] == [200] * 16, web.said()
        assert web.process.wait(30) == 0
        assert time.monotonic() - release < 20
    assert keys_of(services, store, "waiting") == {f"order:{number}" for number in range(1, 17)}
    assert status(f"{web.url}/healthz") == 0
    assert_discreet(web, services, store)


def begin(address: tuple[str, int], wire: bytes, stop_early: int = 0) -> tuple[socket.socket, bytes]:
    """Send a request but for its last bytes; give the connection and what is left to say."""
    cut = len(wire) - stop_early
    connection = socket.create_connection(address, timeout=30)
    connection.sendall(wire[:cut])
    return connection, wire[cut:]


def answer_of(connection: socket.socket, rest: bytes) -> int:
    """Say the rest; give the status of the answer, 0 where the connection was cut."""
    with connection:
        connection.sendall(rest)
        words = connection.makefile("rb").readline().split()
    return int(words[1]) if words else 0


@contextmanager
def writers_waiting(database: Database) -> Iterator[None]:
    """Let nobody write a job while the block runs."""
    lock = "select 1" if database.is_sqlite else "lock table jobs in exclusive mode"  # SQLite has one writer
    with database.system(Purpose.INSPECT) as session:
        session.execute(sa.text(lock))
        yield


def test_a_job_in_hand_is_finished(
    shop: tuple[Services, StoreRow], merchant: Store, database_url: str, tmp_path: Path
) -> None:
    services, store = shop
    order_id = merchant.place(make_order(placed=datetime.now(UTC), email=ANN))["id"]
    path = f"/wp-json/wc/v3/orders/{order_id}"
    merchant.manners.add("slow", 1, f"{path}$", 3.0)
    promise_refresh(services, store, order_id)
    with started("work", env=allowing(merchant, database_url), log=tmp_path / "work.log") as worker:
        wait_until(lambda: ("GET", path) in merchant.requests, worker)
        assert keys_of(services, store, "running") == {f"order:{order_id}"}
        assert worker.end() == 0
    assert keys_of(services, store, "done") == {f"order:{order_id}"}
    with services.db.transaction(store.id, write=False) as session:
        assert session.scalars(sa.select(Order.email)).all() == [ANN]
    assert_discreet(worker, services, store)


def test_a_job_whose_worker_is_killed_is_done_by_the_next(
    shop: tuple[Services, StoreRow], merchant: Store, database_url: str, tmp_path: Path
) -> None:
    services, store = shop
    order_id = merchant.place(make_order(placed=datetime.now(UTC), email=ANN))["id"]
    path = f"/wp-json/wc/v3/orders/{order_id}"
    merchant.manners.add("slow", 1, f"{path}$", 5.0)
    promise_refresh(services, store, order_id)
    env = allowing(merchant, database_url)
    with started("work", env=env, log=tmp_path / "first.log") as worker:
        wait_until(lambda: ("GET", path) in merchant.requests, worker)
        worker.end(signal.SIGKILL)
    with services.db.transaction(store.id) as session:  # rather than wait five minutes for its lease to end
        session.execute(sa.update(Job).where(Job.state == "running").values(lease_until=datetime.now(UTC)))
    with started("work", env=env, log=tmp_path / "second.log") as worker:
        wait_until(lambda: keys_of(services, store, "done"), worker)
        assert worker.end() == 0
    assert keys_of(services, store, "done") == {f"order:{order_id}"}
    assert_discreet(worker, services, store)


def promise_refresh(services: Services, store: StoreRow, order_id: int) -> None:
    """Promise to look at one order, and nothing else: what the install promised is put aside."""
    now = services.clock()
    with services.db.transaction(store.id) as session:
        session.execute(sa.delete(Job))
        payload, key = {"ref": str(order_id)}, f"order:{order_id}"
        session.add(Job(kind="changes.refresh_order", key=key, payload=payload, run_at=now, created_at=now))


# A wrong environment

NOWHERE = f"postgresql+psycopg://max:{SMTP_PASSWORD}@127.0.0.1:1/aftercare"


@pytest.mark.parametrize(
    ("verb", "change", "said"),
    [
        ("serve", {"secret_keys": ""}, "AFTERCARE_SECRET_KEYS must list at least one key."),
        ("serve", {"inbound_token": SMTP_PASSWORD}, "AFTERCARE_INBOUND_TOKEN is shorter than 32 characters."),
        ("serve", {"metrics_token": "m" * 40}, "AFTERCARE_METRICS_TOKEN repeats itself"),
        ("work", {"secret_keys": f"{SMTP_PASSWORD}"}, "is shorter than 32 characters."),
        ("serve", {"database_url": f"mysql://max:{SMTP_PASSWORD}@db/x"}, "AFTERCARE_DATABASE_URL must start with"),
        ("serve --wait 0", {"database_url": NOWHERE}, "The database does not answer (OperationalError)."),
        ("work --wait 0", {"database_url": NOWHERE}, "The database does not answer (OperationalError)."),
        ("migrate --wait 0", {"database_url": NOWHERE}, "The database does not answer (OperationalError)."),
        ("migrate", {"database_url": "sqlite:////proc/nowhere/aftercare.db"}, "The database's folder cannot be made"),
        ("serve", {"smtp_url": f"ftp://max:{SMTP_PASSWORD}@mail.example"}, "AFTERCARE_SMTP_URL must start with"),
        ("work", {"worker_threads": "many"}, "AFTERCARE_WORKER_THREADS"),
        ("serve", {"trusted_proxies": "9"}, "AFTERCARE_TRUSTED_PROXIES"),
        ("doctor", {"public_url": "care.example"}, "AFTERCARE_PUBLIC_URL must start with https://"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_wrong_environment_is_one_sentence_and_status_2(
    tmp_path: Path, verb: str, change: dict[str, str], said: str
) -> None:
    env = environment(f"sqlite:///{tmp_path}/aftercare.db", **change)
    ended = run(*verb.split(), env=env)
    assert (ended.returncode, ended.stdout) == (2, "")
    (sentence,) = ended.stderr.splitlines()
    assert said in sentence
    assert SMTP_PASSWORD not in sentence


def test_the_doctor_tells_no_secret(shop: tuple[Services, StoreRow], merchant: Store, database_url: str) -> None:
    ended = run("doctor", env=allowing(merchant, database_url))
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "No worker has ever run here." in ended.stdout
    assert [secret for secret in (KEY, SMTP_PASSWORD, "ck_", "cs_") if secret in ended.stdout] == []
