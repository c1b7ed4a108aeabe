"""Hostile input: whatever is sent to whatever route, the answer is one of ours and memory stays flat.

LONG=1 sends a million requests instead of five thousand. SEED=<number> repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask.testing import FlaskClient
from werkzeug.test import run_wsgi_app

from core.app import create_app
from core.db.database import Database
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.mail.smtp import NullTransport
from core.platform.registry import Registry
from core.platform.sample import SIGNATURE, sign
from core.secrets import Keyring
from core.services import Services
from core.stores.model import Store
from tests.conftest import KEY, Clock, make_config
from tests.core.samples import hook_path
from tests.core.shipping.seed import LEFT, rows
from tests.fresh_forms import current_version
from tests.laws.cluster import megabytes
from tests.laws.doors import INBOUND, METRICS, PLATFORMS, Keys, cut_keys, environment, tokens
from tests.laws.rubbish import Rubbish

COUNT = (1_000_000 if os.environ.get("LONG") else 5_000) // 2
"""Of one run; there is one on each database."""
LONGEST = 10.0
"""Seconds any single answer may take on a busy machine."""
GROWTH = 80
"""Megabytes the process may grow by after it has warmed up."""


@pytest.fixture
def services(database: Database, database_url: str, clock: Clock) -> Services:
    return Services(
        db=database,
        config=make_config(database_url, inbound_token=INBOUND, metrics_token=METRICS),
        keyring=Keyring([KEY]),
        platforms=Registry(PLATFORMS),
        mail=NullTransport(),
        clock=clock,
    )


@pytest.fixture
def keys(services: Services, store: Store, worker: Worker, clock: Clock) -> Keys:
    worker.run_until_idle()
    clock.now = LEFT
    return cut_keys(services, store)


def test_no_route_answers_rubbish_with_a_failure_of_ours(
    services: Services, store: Store, keys: Keys, worker: Worker, clock: Clock, announce: Callable[[str], None]
) -> None:
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    rubbish, app = Rubbish(random.Random(seed)), create_app(services.config, services=services)
    rules, opens = list(app.url_map.iter_rules()), tokens(services, store, keys)
    answered: Counter[int] = Counter()
    failures: list[tuple[str, str, int]] = []
    slowest, started, warm = (0.0, ""), time.monotonic(), 0.0
    for number in range(COUNT):
        if number % 200 == 0:
            clock.forward(minutes=16)  # a new window: counted tries must not keep rubbish from what is behind them
        if number == COUNT // 3:
            warm = megabytes()
        rule = rules[number % len(rules)]
        environ = environment(rubbish, rule, keys, opens)
        began = time.monotonic()
        body, status, _ = run_wsgi_app(app, environ, buffered=True)
        slowest = max(slowest, (time.monotonic() - began, rule.rule))
        answered[int(status[:3])] += 1
        # A store that cannot be reached while it is being connected is not ours to mend.
        if status[0] == "5" and not (status[:3] == "503" and rule.rule.startswith("/install/")):
            failures.append((environ["REQUEST_METHOD"], rule.rule, int(status[:3])))
            drawn = {name: value[:400] for name, value in environ.items() if isinstance(value, str)}
            announce(f"request {number} of seed {seed} failed: {drawn!r}")
        assert b"Traceback" not in b"".join(body)
    grown = megabytes() - warm
    announce(
        f"hostile input on {services.db.engine.dialect.name}: {COUNT} requests, "
        f"{dict(sorted(answered.items()))}, slowest {slowest[0]:.2f} s at {slowest[1]}, {grown:+.0f} MB, "
        f"{time.monotonic() - started:.0f} s, seed {seed}"
    )
    assert not failures, Counter(failures).most_common()
    worker.run_until_idle()
    assert [job.kind for job in rows(services, store, Job) if "in our own code" in job.reason] == []
    assert slowest[0] < LONGEST
    assert grown < GROWTH


@pytest.mark.parametrize("text", ["\0", "10\x0042", "ann@shopper.example\0", "\ud800"])
def test_a_text_no_database_stores_is_not_found_or_refused(
    client: FlaskClient, services: Services, store: Store, keys: Keys, text: str
) -> None:
    raw = quote_from_bytes(text.encode("utf-8", "surrogatepass"))
    signed = json.dumps({"resource": "order", "ref": text, "facts": {"note": text}}).encode()
    deed = json.dumps({"resource": "privacy", "ref": text, "facts": {"note": text}}).encode()
    mail = keys.mail.replace(b"Where", text.encode("utf-8", "surrogatepass"))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    client.set_cookie(*keys.cookie.split("=", 1), path="/admin")
    sender, terms = (f"/admin/{store.key}/{page}" for page in ("sender", "settings"))
    seen = {page: current_version(client.application, page) for page in (sender, terms)}
    answered = {
        "find": client.post(f"/shop/{store.key}/find", json={"number": text, "proof": text}),
        "links": client.post(f"/shop/{store.key}/links", json={"email": f"ann{text}@shopper.example"}),
        "find a store": client.get(f"/shop/find-store?platform=demo&ref={raw}"),
        "store": client.get(f"/find/{raw}"),
        "track": client.get(f"/t/{raw}"),
        "answer": client.get(f"/a/{raw}/wait"),
        "hook": client.post(f"/hooks/demo/{raw}", data=b"{}"),
        "news": client.post(hook_path(services, store), data=signed, headers={SIGNATURE: sign(keys.secret, signed)}),
        "fact": client.post(hook_path(services, store), data=deed, headers={SIGNATURE: sign(keys.secret, deed)}),
        "search": client.get(f"/admin/{store.key}/orders?q={raw}"),
        "notices": client.get(f"/admin/{store.key}/notices?state={raw}"),
        "sender": client.post(sender, data=f"version={seen[sender]}&name={raw}", headers=form),
        "settings": client.post(terms, data=f"version={seen[terms]}&timezone={raw}", headers=form),
        "inbound": client.post("/mail/inbound", data=mail, headers={"Authorization": f"Bearer {INBOUND}"}),
    }
    failed = {name: answer.status_code for name, answer in answered.items() if answer.status_code >= 500}
    assert failed == {}


def test_what_a_stranger_garbles_is_refused_where_it_stands(
    client: FlaskClient, services: Services, store: Store, keys: Keys
) -> None:
    client.set_cookie(*keys.cookie.split("=", 1), path="/admin")
    deep = b"[" * 100_000
    odd = json.dumps({"resource": "order", "ref": "42", "facts": "none"}).encode()
    signed = {SIGNATURE: sign(keys.secret, odd)}
    overrides: dict[str, Any] = {"environ_overrides": {"QUERY_STRING": "ref=\xed\xa0&platform=demo"}}
    answered = {
        "bottomless JSON": client.post(f"/shop/{store.key}/find", data=deep, content_type="application/json"),
        "a number of forty digits": client.get(f"/admin/{store.key}/orders/{10**40}"),
        "a store in no alphabet": client.get("/install/woocommerce?store=a%C2%92.example"),
        "an origin that is none": client.post(f"/find/{store.key}", headers={"Origin": "http://["}),
        "a query that is no UTF-8": client.get("/shop/find-store", **overrides),
        "facts that are none": client.post(hook_path(services, store), data=odd, headers=signed),
    }
    assert {name: answer.status_code for name, answer in answered.items()} == {
        "bottomless JSON": 400,
        "a number of forty digits": 400,
        "a store in no alphabet": 400,
        "an origin that is none": 403,
        "a query that is no UTF-8": 404,
        "facts that are none": 200,
    }
