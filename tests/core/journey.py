"""A whole journey in a process of its own: install, import, look-up, notice, answers, a reply, errors, bad input.

Run as `python tests/core/journey.py <database url> <folder>`; everything a process writes is on its two outputs, and
what must be found nowhere is listed in <folder>/secrets.json.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NoReturn

import sqlalchemy as sa
from flask.testing import FlaskClient

from core import logs
from core.app import create_app, wire_kinds
from core.changes.apply import apply_orders
from core.db.database import Database
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.orders.messages import envelope
from core.orders.messages.notice import Notice
from core.platform.contract import Installation
from core.platform.registry import Registry
from core.platform.sample import Demo, World, forward
from core.secrets import Keyring
from core.services import Services
from core.stores import install
from core.stores.model import Store
from core.stores.platform_access import link_of
from core.stores.worker_access import WorkerAccess
from tests.conftest import KEY, Clock, make_config
from tests.core.private import EMAIL, TRACES, her_order, her_review
from tests.core.samples import deliver
from tests.core.shipping.seed import run_sweep, set_terms
from tests.core.two_stores import INBOUND, Outbox

NUMBER = "LIN-7041177"
CHOKED = "chokes.on.this@shopper.example"
"""What is handed to everything that is made to fail."""
ADDRESS = "203.0.113.77"
CONSUMER_SECRET = "cs_0123456789abcdef0123456789abcdef01234567"
METRICS = "the-figures-are-behind-this-token"
STAFF = "max@shop.example"
NOWHERE_IN_LOGS = (*TRACES, EMAIL, CHOKED, NUMBER, ADDRESS, STAFF, KEY, INBOUND, METRICS, CONSUMER_SECRET)


class Journey:
    """One process's life; `secrets` collects every token that was handed out on the way."""

    def __init__(self, url: str, folder: Path) -> None:
        self.clock, self.outbox, self.world = Clock(), Outbox(), World(folder / "world.db")
        config = make_config(url, inbound_token=INBOUND, metrics_token=METRICS)
        doors = {"keyring": Keyring([KEY]), "platforms": Registry({"demo": Demo}), "clock": self.clock}
        self.services = Services(db=Database(url), config=config, mail=self.outbox, **doors)  # type: ignore[arg-type]
        app = create_app(config, services=self.services)
        app.add_url_rule("/shop/broken", "broken", _break)
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = ADDRESS
        self.worker = Worker(self.services, wire_kinds(), stores=WorkerAccess())
        self.secrets: set[str] = {KEY, CONSUMER_SECRET, INBOUND, METRICS}

    def run(self) -> None:
        """Go all the way."""
        store = self.install()
        self.look_up(store)
        self.be_told(store)
        self.work_at_the_desk(store)
        self.go_wrong(store)

    def install(self) -> Store:
        """Come in through the handshake, then come back with new keys; the first import runs."""
        begun = self.client.get(f"/install/demo?store=linden&world={self.world.path}")
        self.secrets.add(begun.headers["Location"].partition("state=")[2])
        assert self.client.get(begun.headers["Location"]).status_code == 200
        keys = {"world": self.world.path, "consumer_secret": CONSUMER_SECRET}
        again = Installation("linden", "Linden", keys, currency="EUR", timezone="Europe/Vilnius", email=STAFF)
        store = install.connect(self.services, "demo", again)
        link = link_of(self.services, store)
        self.secrets |= {link.secret, link.forwarding_secret, link.hook_url.rpartition("/")[2]}
        self.world.put(her_order(number=NUMBER))
        self.world.put(her_review())
        self.worker.run_until_idle()
        return store

    def look_up(self, store: Store) -> None:
        """Find the order, wrongly and rightly; have links and a code mailed and use both."""
        shop = f"/shop/{store.key}"
        for number, proof in ((NUMBER, "eve@elsewhere.example"), ("77", EMAIL), (NUMBER, TRACES[3]), (NUMBER, EMAIL)):
            found = self.client.post(f"{shop}/find", json={"number": number, "proof": proof})
        see = found.get_json()["token"]
        bearer = {"Authorization": f"Bearer {see}"}
        assert self.client.get(f"{shop}/orders", headers=bearer).status_code == 200
        assert self.client.post(f"{shop}/links", json={"email": EMAIL}).status_code == 202
        assert self.client.post(f"{shop}/code", headers=bearer).status_code == 202
        self.worker.run_until_idle()
        code = _find(r"(?m)^\s*(\d{6})\s*$", "\n".join(self.outbox.sent[::-1]))
        act = self.client.post(f"{shop}/code/check", headers=bearer, json={"code": code}).get_json()["token"]
        track = _find(r"/t/([\w.-]+)", "\n".join(self.outbox.sent[::-1]))
        assert self.client.get(f"/t/{track}").status_code == 200
        self.secrets |= {see, act, track, code}

    def be_told(self, store: Store) -> None:
        """Be late, be told, answer with a tap and with a mail, and let one message be refused."""
        set_terms(self.services, store, {"promise_revised": "send", "promise_will_be_missed": "send"})
        (parcel,) = her_order().shipments
        slow = replace(parcel, estimated_by=date(2026, 12, 1))
        self.world.put(her_order(number=NUMBER, updated_at=self.clock.forward(days=1), shipments=(slow,)))
        deliver(self.client, self.services, store, "order", "1")
        self.worker.run_until_idle()
        self.clock.forward(hours=24)
        run_sweep(self.services, self.worker)
        tap = _find(r"/a/([\w.-]+)/person", "\n".join(self.outbox.sent[::-1]))
        self.secrets.add(tap)
        assert self.client.post(f"/a/{tap}/person").status_code == 200
        with self.services.db.transaction(store.id, write=False) as session:
            order_id = session.scalars(sa.select(Notice.order_id).where(Notice.state == "sent")).first()
        assert order_id
        token = envelope.mail_token(self.services.keyring, store.id, order_id)
        domain = self.services.config.mail_from.partition("@")[2]
        mail = f"From: {TRACES[1]} <{EMAIL}>\r\nTo: reply+{token}@{domain}\r\nSubject: {TRACES[12]}\r\n"
        headers = {"Authorization": f"Bearer {INBOUND}"}
        said = self.client.post("/mail/inbound", data=f"{mail}Message-ID: <1@x>\r\n\r\n{TRACES[13]}", headers=headers)
        assert said.status_code == 202
        self.worker.run_until_idle()

    def work_at_the_desk(self, store: Store) -> None:
        """Open the desk and look at everything, as staff do."""
        headers = forward(link_of(self.services, store).forwarding_secret, store.key, nonce="once")
        page = self.client.get("/admin/open/demo", headers=headers)
        self.secrets.add(_find(r"aftercare_desk_\w+=([\w.-]+)", page.headers["Set-Cookie"]))
        for path in ("", "orders", f"orders?q={EMAIL}", "cases", "jobs", "notices", "settings", "replay", "sender"):
            assert self.client.get(f"/admin/{store.key}/{path}").status_code == 200, path
        assert self.client.get("/metrics", headers={"Authorization": f"Bearer {METRICS}"}).status_code == 200

    def go_wrong(self, store: Store) -> None:
        """Break handlers, pages and mail; type, deliver and hand over nonsense."""
        shop, now = f"/shop/{store.key}", self.services.clock()
        broken = [
            NewJob("conversations.open_case", "broken", {"kind": CHOKED}),
            NewJob("shipping.send_links", "broken links", {"to": CHOKED}),
            NewJob("changes.read", "broken feed", {"feed": "orders", "since": f"not a time, {CHOKED}"}),
            NewJob("no such kind", "unknown", {"email": CHOKED}),
        ]
        with self.services.db.transaction(store.id) as session:
            queue.enqueue(session, store.id, broken, now=now)
        self.worker.run_until_idle()
        assert self.client.get(f"/shop/broken?email={CHOKED}").status_code == 500
        for body in ({"number": [CHOKED], "proof": {}}, {"number": "\0" + NUMBER, "proof": CHOKED + "\ud83d"}, CHOKED):
            assert self.client.post(f"{shop}/find", json=body).status_code in (400, 404)
        for path in (f"/t/{CHOKED}", f"/a/{CHOKED}/stop", f"/{CHOKED}", f"/admin/{CHOKED}/", f"/find/{CHOKED}"):
            assert self.client.get(path).status_code in (401, 404), path
        deliver(self.client, self.services, store, "order", CHOKED, secret="not the store's")
        deliver(self.client, self.services, store, "order", f"no such order \0 {CHOKED}")
        self.client.post("/mail/inbound", data=b"\xff" * 100, headers={"Authorization": f"Bearer {INBOUND}"})
        self.outbox.refusal = f"5.1.1 <{EMAIL}> unknown"
        self.client.post(f"{shop}/links", json={"email": f" {EMAIL.upper()}"})
        self.clock.forward(minutes=2)
        self.worker.run_until_idle()
        with self.services.db.transaction(store.id) as session:
            odd = her_order("2", number="\ud83d" + NUMBER, email=f"\0{EMAIL}")
            apply_orders(session, self.services, store, [odd], asked_at=now, now=now)


def _break() -> NoReturn:
    raise ValueError(f"a handler chokes on {CHOKED}, {NUMBER}")


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, pattern
    return found[1]


if __name__ == "__main__":
    logs.configure("json")
    there = Path(sys.argv[2])
    journey = Journey(sys.argv[1], there)
    journey.run()
    (there / "secrets.json").write_text(json.dumps(sorted(journey.secrets)))
