"""POST /sources/…: news from a source of reviews. It is verified, a job is written, the answer comes at once."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response, request

from core.db.purpose import Purpose
from core.http.context import services, to_plain_request
from core.jobs import queue
from core.metrics import DELIVERIES
from core.orders.sanitize import storable
from core.platform.errors import BadSignature
from core.reviews.sources.open_source import HOOK, make_source, stored_ref
from core.reviews.sources.source_jobs import refresh_review
from core.secrets import Unsealable
from core.services import Services
from core.stores.model import ConnectedSource
from core.stores.platform_access import store_by_id
from core.web.hooks import MOST_BYTES, TEXT

source_hooks = Blueprint("source_hooks", __name__)


@source_hooks.post("/sources/<name>/<token>")
def receive(name: str, token: str) -> Response:
    """Take in a delivery. 200 whenever it was verified, 401 when it was not or names no source, 413 when too large."""
    app = services()
    if name not in app.review_sources:
        return Response("unknown source", 404, content_type=TEXT)
    if (request.content_length or 0) > MOST_BYTES:
        return Response("too large", 413, content_type=TEXT)
    row = _find(app, name, token)
    if row is None:
        DELIVERIES.labels(name, "unknown_store").inc()
        return Response("unknown source", 401, content_type=TEXT)
    if row.state == "closed":  # nothing is left to verify with, and nothing to do
        return Response("", 200, content_type=TEXT)
    try:
        with app.db.transaction(row.store_id, write=False) as session:
            store = store_by_id(session, row.store_id)
        hook = app.keyring.open_dict(row.hook, store_id=row.store_id, purpose=HOOK)
        source = make_source(app, store, row)
        news = source.read_webhook(to_plain_request(request), secret=hook["secret"])
    except (BadSignature, Unsealable):
        DELIVERIES.labels(name, "bad_signature").inc()
        return Response("bad signature", 401, content_type=TEXT)
    refs = [stored_ref(row.key, storable(change.ref)) for change in news if change.resource == "review"]
    with app.db.transaction(row.store_id) as session:
        jobs = [refresh_review(ref, row.key, is_news=True) for ref in refs]
        queue.enqueue(session, row.store_id, jobs, now=app.clock())
    DELIVERIES.labels(name, "accepted" if refs else "nothing_to_do").inc()
    return Response("", 200, content_type=TEXT)


def _find(app: Services, name: str, token: str) -> ConnectedSource | None:
    """Find the source whose address for news has this token."""
    digests = app.keyring.digests(token, purpose=HOOK)
    named = sa.select(ConnectedSource).where(ConnectedSource.name == name, ConnectedSource.hook_digest.in_(digests))
    with app.db.system(Purpose.FIND_STORE, write=False) as session:
        return session.scalar(named)
