"""Check a store's connection after it was made and each hour, and keep what staff have to mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.platform import contract
from core.platform.contract import NO_FACTS, Feature, Link, Missing, Platform, StoreFacts
from core.platform.errors import AccessLost, NotSupported, Refused, Unavailable
from core.secrets import Unsealable
from core.services import Services
from core.stores import audit, install
from core.stores.connection import features, store_facts
from core.stores.model import Finding
from core.stores.platform_access import link_of, open_platform, store_by_id

PATIENCE = 5
"""Tries, about half a minute together, after which a store that does not answer is a finding."""
UNREACHABLE, REFUSED, UNREADABLE = "unreachable", "check_refused", "unreadable_keys"
"""Codes of findings of our own: the check could not be made."""
_OWN = (UNREACHABLE, REFUSED, UNREADABLE)
LOST_KEY = (
    "The keys to this store cannot be read: the secret key that sealed them is no longer in AFTERCARE_SECRET_KEYS. "
    "Put it back, or connect the store again."
)


def prepare(work: Work) -> None:
    """Create webhooks with our secret and announce ourselves; safe to run again."""
    _check(work, lambda platform, link: platform.after_install(link), is_first=True)


def check_health(work: Work) -> None:
    """Look at the connection; keep what is wrong for staff, and read again what may have been missed."""
    _check(work, lambda platform, link: platform.check_health(link), is_first=False)


def _check(work: Work, ask: Callable[[Platform, Link], list[contract.Finding]], *, is_first: bool) -> None:
    """Keep what the platform finds. That it refuses the check, or does not answer for long, is a finding too.

    Raises AccessLost, and Unavailable while it is early.
    """
    services: Services = work.services
    store = install.with_both_secrets(services, work.store_id)
    is_complete, platform_id, facts = True, "", NO_FACTS
    missing: Mapping[Feature, Missing] | None = None
    try:
        platform = open_platform(services, store)
        found = ask(platform, link_of(services, store))
        platform_id = store.platform_id or _read_id(platform)
        facts, missing = _read_facts(platform), platform.missing()
    except NotSupported:
        found = []
    except Unsealable:
        found, is_complete = [contract.Finding(UNREADABLE, LOST_KEY)], False
    except AccessLost:
        raise
    except Refused as error:
        found, is_complete = [contract.Finding(REFUSED, str(error))], False
    except Unavailable as error:
        if work.job.attempts < PATIENCE:
            raise
        found, is_complete = [contract.Finding(UNREACHABLE, str(error))], False
    with work.done() as session:
        _keep(session, found, is_complete=is_complete, now=work.now)
        store_facts.learn(session, work.store_id, facts, now=work.now)
        if missing is not None:
            features.keep_missing(session, work.store_id, missing)
        if platform_id and not store.platform_id:  # it was connected before ids were kept
            store_by_id(session, work.store_id, lock=True).platform_id = platform_id
        for finding in found:
            if finding.mended and not is_first:  # what a new store lacks was never there
                audit.note(session, work.now, "aftercare", "mend", f"finding:{finding.code}")
        since = min((f.backfill_since for f in found if f.backfill_since), default=None)
        if since:
            again = NewJob("changes.read", "read:orders.repair", {"feed": "orders.repair", "since": since.isoformat()})
            queue.enqueue(session, work.store_id, again, now=work.now)


def _read_facts(platform: Platform) -> StoreFacts:
    try:
        return platform.describe()
    except NotSupported:
        return NO_FACTS


def _read_id(platform: Platform) -> str:
    try:
        return platform.identify().store_id
    except NotSupported:
        return ""


def _keep(session: Session, found: Sequence[contract.Finding], *, is_complete: bool, now: datetime) -> None:
    """Show what is wrong now, since when it was first found; what an incomplete check did not look at stays."""
    sentences: dict[str, list[str]] = {}
    for finding in found:
        if not finding.mended:
            sentences.setdefault(finding.code, []).append(finding.sentence)
    known = {row.code: row for row in session.scalars(sa.select(Finding))}
    for code, row in known.items():
        if code not in sentences and (is_complete or code in _OWN):
            session.delete(row)
    for code, said in sentences.items():
        sentence = " ".join(dict.fromkeys(said))[:1000]
        if code in known:
            known[code].sentence = sentence
        else:
            session.add(Finding(code=code, sentence=sentence, found_at=now))


JOBS = {"stores.prepare": Kind(prepare), "stores.check_health": Kind(check_health)}
