"""POST /hooks/…, and GET where a platform tells its news so: verify webhooks, enqueue a job, answer at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import requests
import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, abort, current_app, request
from sqlalchemy.orm import Session

from core.changes import deliveries
from core.db.database import Database
from core.db.group_commit import GroupCommit
from core.db.purpose import Purpose
from core.http import headers
from core.http.context import services, to_plain_request
from core.jobs import fast_enqueue
from core.jobs.queue import NewJob
from core.metrics import DELIVERIES
from core.platform.contract import Platform, Request, StoreKey
from core.platform.errors import BadSignature, NotSupported
from core.platform.snapshots import Change
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import (
    app_settings_of,
    facts_of,
    forwarding_secret_of,
    is_named,
    may_name_store,
    secret_of,
)

log = structlog.get_logger()
hooks = Blueprint("hooks", __name__)

MOST_BYTES = 5 * 1024 * 1024
TEXT = "text/plain; charset=utf-8"
REMEMBERED = 60.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class KnownStore:
    """A store as it is remembered between deliveries, so that a forged signature costs no database time."""

    store: Store
    platform: Platform
    secret: str
    forwarding_secret: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery promises: jobs, each with its store's id."""

    db: Database
    promised: list[tuple[int, NewJob]]
    now: datetime


def _commit_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Commit what these deliveries promise, which may come from many stores."""
    last = deliveries[-1]
    fast_enqueue.commit_jobs(last.db, (pair for delivery in deliveries for pair in delivery.promised), now=last.now)


class StoreLookup:
    """Remembers which store a path token or a store's name stands for; unknown ones are remembered too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[float, KnownStore | None]] = OrderedDict()
        self._forged: dict[int, int] = {}
        self._flushed = clock()
        self._lock = threading.Lock()
        self._inbox = GroupCommit(_commit_deliveries)

    def find(
        self, app: Services, platform: str, *, token: str = "", ref: str = "", anew: bool = False
    ) -> KnownStore | None:
        """Find the store by its path token, or as `store_named` does; None when there is none. `anew` forgets what is
        remembered."""
        if not token and not may_name_store(ref):
            return None
        how = "token" if token else "key" if isinstance(ref, StoreKey) else "ref"
        key = (platform, f"{how}:{token or ref}")
        with self._lock:
            remembered = self._known.get(key)
        if remembered and remembered[0] > self._clock() and not anew:
            return remembered[1]
        known = self._look_up(app, platform, token, ref)
        with self._lock:
            self._known[key] = (self._clock() + REMEMBERED, known)
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _look_up(self, app: Services, platform: str, token: str, ref: str) -> KnownStore | None:
        query = sa.select(Store).where(Store.platform == platform)
        if token:
            query = query.where(Store.hook_digest.in_(app.keyring.digests(token, purpose="hook")))
        else:
            query = query.where(is_named(ref))
        with app.db.system(Purpose.FIND_STORE, write=False) as session:
            store = session.scalar(query)
        if store is None:
            return None
        # Reading a webhook asks nobody: no credentials, and a session that is never used.
        ours = app_settings_of(app, platform)
        reader = app.platforms[platform](store.ref, {}, store.settings, requests.Session(), ours, facts_of(store))
        return KnownStore(store, reader, secret_of(app, store), forwarding_secret_of(app, store))

    def record(self, app: Services, known: KnownStore, news: Sequence[Change], body: bytes) -> None:
        """Keep news for good before it is acknowledged; deliveries of many threads share a commit."""
        now, store = app.clock(), known.store
        looks = store.state == "uninstalled" or any(map(deliveries.needs_record, news))
        if looks or store.signature_failures or store.id in self._forged:
            with app.db.transaction(store.id) as session:
                deliveries.record(session, store, news, body, keyring=app.keyring, now=now)
                self.forget_forged(session, known)
            return
        promised = [(store.id, job) for job in deliveries.promises(news, body)]
        self._inbox.submit(Delivery(app.db, promised, now))

    def count_forged(self, app: Services, known: KnownStore) -> None:
        """Count a wrong signature; written at most once a minute, so that a flood costs nothing."""
        with self._lock:
            self._forged[known.store.id] = self._forged.get(known.store.id, 0) + 1
            if self._clock() - self._flushed < REMEMBERED and len(self._forged) < 1000:
                return
            counted, self._forged, self._flushed = self._forged, {}, self._clock()
        for store_id, times in counted.items():
            with app.db.transaction(store_id) as session:
                failures = Store.signature_failures + times
                session.execute(sa.update(Store).where(Store.id == store_id).values(signature_failures=failures))

    def forget_forged(self, session: Session, known: KnownStore) -> None:
        """Begin counting anew: a delivery was signed rightly. Costs a statement only where something was counted."""
        with self._lock:
            counted = self._forged.pop(known.store.id, 0) + known.store.signature_failures
        if counted:
            session.execute(sa.update(Store).where(Store.id == known.store.id).values(signature_failures=0))
            known.store.signature_failures = 0


@hooks.route("/hooks/<platform>", methods=["GET", "POST"])
@hooks.route("/hooks/<platform>/<token>", methods=["GET", "POST"])
def receive(platform: str, token: str = "") -> Response:
    """Take in a delivery that is not of the usual form; the others never come to Flask (fast_path.py)."""
    app = services()
    if request.method != "POST" and not (request.method == "GET" and app.platforms[platform].webhooks_by_get):
        abort(405)
    if platform in app.platforms and (request.content_length or 0) > MOST_BYTES:
        DELIVERIES.labels(platform, "too_large").inc()
        return Response("too large", 413, content_type=TEXT)
    text, status = take_in(app, app_door(), platform, token, to_plain_request(request))
    unkept = dict(headers.UNKEPT) if request.method == "GET" else {}
    return Response(text, status, unkept, content_type=TEXT)


def take_in(app: Services, door: StoreLookup, platform: str, token: str, incoming: Request) -> tuple[str, int]:
    """Take in a delivery. 200 whenever it was verified, whatever it says; 401 when it was not; 413 when too large.

    News of a store we do not know (any more) is verified with the app's secret: of such a store we hold nothing, so
    nothing is left to do.
    """
    if platform not in app.platforms:
        return "unknown platform", 404
    if len(incoming.body) > MOST_BYTES:
        return "too large", 413
    ref = "" if token else claimed_store(app, platform, incoming)
    known = door.find(app, platform, token=token, ref=ref) if token or ref else None
    if known is None and is_from_app(app, platform, incoming):
        # Verified, so it is worth a look at whether the store was connected since we remembered that it was not.
        known = door.find(app, platform, token=token, ref=ref, anew=True) if token or ref else None
        if known is None:
            DELIVERIES.labels(platform, "unknown_store_verified").inc()
            return "", 200
    if known is None:
        DELIVERIES.labels(platform, "unknown_store").inc()
        return "unknown store", 401
    try:
        news = known.platform.read_webhook(incoming, secret=known.secret)
    except BadSignature:
        DELIVERIES.labels(platform, "bad_signature").inc()
        door.count_forged(app, known)
        return "bad signature", 401
    if news:
        told = incoming.query.encode() if incoming.method == "GET" else incoming.body
        door.record(app, known, news, told)
    DELIVERIES.labels(platform, "accepted" if news else "nothing_to_do").inc()
    return "", 200


def is_from_app(app: Services, platform: str, incoming: Request) -> bool:
    """Say whether the platform itself sent this, by the app's secret; never where it signs with the store's alone."""
    try:
        app.platforms[platform].read_app_webhook(incoming, app_settings_of(app, platform))
    except (BadSignature, NotSupported):
        return False
    return True


def claimed_store(app: Services, platform: str, incoming: Request) -> str:
    """Give the store the request claims to come from; "" where it names none."""
    try:
        return app.platforms[platform].store_of(incoming, app_settings_of(app, platform))
    except (BadSignature, NotSupported):
        return ""


def app_door() -> StoreLookup:
    """Give this app's door."""
    door: StoreLookup = current_app.extensions["aftercare.door"]
    return door
