"""Erase personal data on request or by age: one shopper, the shoppers of old orders, a whole store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations import cases
from core.conversations.model import Case, Message
from core.db.base import Base, Owned
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Job, Kind, NewJob, Work
from core.orders.model import Order
from core.platform.errors import Refused
from core.privacy import personal_data
from core.returns.withdrawal.model import Declaration
from core.reviews.model import Review
from core.secrets import Keyring
from core.services import Services
from core.stores import audit
from core.stores.model import AuditEntry, Store
from core.stores.platform_access import store_by_id

SECTION = "privacy"
REQUESTS = ("export", "erase", "erase_store")
"""What `facts["request"]` of a platform's privacy change may say."""
GRACE = timedelta(hours=48)
"""How long after an uninstall a store's rows stay, so that a reinstall finds them; the strictest platform asks for
their erasure that long after (its page "Privacy law compliance", 2026-11)."""
ANSWER_WITHIN = timedelta(days=30)
"""GDPR article 12(3) says a month, and so do the platforms that send such requests."""
ORDERS_AT_ONCE = 100
ROWS_AT_ONCE = 5000
EXPORT = "privacy_export"
"""The kind of a case whose messages, put together in their order, are the JSON to hand to the shopper."""
UNCONFIRMED = {"erase": "unconfirmed_erase", "export": "unconfirmed_export", "": "unconfirmed_news"}
"""The kinds of cases in which staff decide about a fact that no platform confirms, by what is requested."""
DECIDED_KEPT = timedelta(days=30)
"""How long what such a fact said, and of whom, stays readable after the decision. That it was decided stays noted."""
_PIECE = 100_000  # the most characters a case keeps in one message


def carry_out(work: Work) -> None:
    """Do what a platform's verified privacy request says: facts {request, email?, shopper_ref?, order_refs?}.

    Works for a store that has left, too. The request itself is forgotten with the job's end, since it names the
    shopper. Raises Refused for one that names nobody.
    """
    services: Services = work.services
    facts = work.payload["facts"]
    who = _named(facts)
    if facts["request"] != "erase_store" and not any(who.values()):
        raise Refused("The platform's privacy request names neither an address nor an account nor an order.")
    with work.done() as session:
        platform = store_by_id(session, work.store_id).platform
        if facts["request"] == "erase_store":
            counts = _promise_erasure(session, work)
        elif facts["request"] == "erase":
            counts = personal_data.erase_person(session, services.keyring, **who, now=work.now)
        else:
            counts = _open_export_case(session, services.keyring, who, origin=f"privacy:{work.job.id}", now=work.now)
        audit.note(session, work.now, platform, f"privacy_{facts['request']}", codes=counts)
        session.execute(sa.update(Job).where(Job.id == work.job.id).values(payload={}))


def _named(facts: Mapping[str, Any]) -> dict[str, Any]:
    refs = facts.get("order_refs") or ()
    return {
        "email": str(facts.get("email") or "").strip(),
        "shopper_ref": str(facts.get("shopper_ref") or ""),
        "order_refs": [str(ref) for ref in refs] if isinstance(refs, list | tuple) else [],
    }


def _open_export_case(
    session: Session, keyring: Keyring, who: Mapping[str, Any], *, origin: str, now: datetime
) -> dict[str, int]:
    """Open a case with the export, which staff hand to the shopper; give how many rows of each table it tells of."""
    exported = personal_data.export_person(session, keyring, **who)
    person = personal_data.find_person(session, keyring, **who)
    last = session.scalar(sa.select(Order).where(Order.id == max(person.order_ids, default=0)))
    case = cases.open_case(session, kind=EXPORT, order=last, now=now)
    case.due_at = now + ANSWER_WITHIN
    case.email_key = case.email_key or next(iter(person.email_keys), "")  # so that an erasure finds the copy too
    text = json.dumps(exported, ensure_ascii=False, indent=1)
    for start in range(0, len(text), _PIECE):
        piece = text[start : start + _PIECE]
        cases.add_message(session, case, side="staff", text=piece, origin=f"{origin}:{start}", now=now)
    return {name: len(rows) for name, rows in exported.items()}


def _promise_erasure(session: Session, work: Work) -> dict[str, int]:
    left = sa.select(sa.func.max(AuditEntry.at)).where(AuditEntry.what == "uninstalled")
    at = max((session.scalar(left) or work.now) + GRACE, work.now)
    # The moment is part of the key: what was asked before the store came back must not take the place of this.
    asked_at = work.now.isoformat()
    new = NewJob("privacy.erase_store", f"erase_store:{asked_at}", {"asked_at": asked_at}, run_at=at)
    queue.enqueue(session, work.store_id, new, now=work.now)
    return {}


def erase_store(work: Work) -> None:
    """Remove all rows of a store that has left, some thousands at a time; one audit line of counts remains.

    A store that was connected again keeps its rows, whether or not it has left once more: it was asked too late.
    """
    counts = Counter(work.payload.get("counts", {}))
    with work.done() as session:
        store = session.get(Store, work.store_id, with_for_update=True)
        if store is None:  # another erasure was done with it first, and left this job to itself
            session.execute(sa.delete(Job).where(Job.id == work.job.id))
            return
        asked_at = work.payload.get("asked_at")
        has_returned = bool(asked_at and store.connected_at and datetime.fromisoformat(asked_at) < store.connected_at)
        if store.state == "open" or has_returned:
            audit.note(session, work.now, store.platform, "privacy_store_kept")
            return
        if _remove_some(session, work, counts):
            rest = NewJob("privacy.erase_store", work.job.key, {**work.payload, "counts": dict(counts)})
            queue.enqueue(session, work.store_id, rest, now=work.now)
            return
        session.execute(sa.delete(Job).where(Job.id == work.job.id))
        session.execute(sa.delete(Store).where(Store.id == work.store_id))
        counts["stores"] += 1
        audit.note(session, work.now, store.platform, "privacy_store_erased", codes=counts)


def _remove_some(session: Session, work: Work, counts: Counter[str]) -> bool:
    """Remove rows of every table and count them; True when there may be more."""
    for mapper in sorted(Base.registry.mappers, key=lambda one: one.class_.__tablename__):
        model: Any = mapper.class_
        if not issubclass(model, Owned):
            continue
        mine = sa.and_(model.store_id == work.store_id, model.id != work.job.id)
        if model is Job:  # each erasure holds its own job and then waits for the store: their order of locks
            mine = sa.and_(mine, sa.or_(Job.kind != work.job.kind, Job.state != "running"))
        some = sa.select(model.id).where(mine).limit(ROWS_AT_ONCE)
        removed = session.execute(
            sa.delete(model).where(mine, model.id.in_(some)), execution_options={"synchronize_session": False}
        ).rowcount  # type: ignore[attr-defined]
        if removed:
            counts[model.__tablename__] += removed
        if removed == ROWS_AT_ONCE:
            return True
    return False


def keep_days(store: Store) -> int | None:
    """Give after how many days a store forgets its shoppers; None where the merchant set nothing sensible."""
    days = store.settings.get(SECTION, {}).get("keep_days")
    return days if isinstance(days, int) and not isinstance(days, bool) and 0 < days < 36_525 else None


def retain_all(work: Work) -> None:
    """Promise a look to every store that has something to forget, closed ones too; the clock's slot makes it once.

    That is a store which set a time for its old orders, or has requests that were decided long ago.
    """
    services: Services = work.services
    with services.db.system(Purpose.LIST_STORES, write=False) as session:
        due = {store.id for store in session.scalars(sa.select(Store)) if keep_days(store)}
        due.update(session.scalars(sa.select(Case.store_id).where(_decided(work.now)).distinct()))
    for store_id in sorted(due):
        with services.db.transaction(store_id) as session:
            queue.enqueue(session, store_id, NewJob("privacy.retain", "retain"), now=work.now)


def retain(work: Work) -> None:
    """Erase the shoppers of the oldest orders that are past their time; what one batch leaves, the next takes at once.

    Counted from the day an order was placed; one with an open return waits for its end. Reviews, cases and
    declarations that belong to no order go by their own day. Requests that were decided long ago go in any store.
    """
    with work.done() as session:
        days = keep_days(store_by_id(session, work.store_id))
        if days is None:
            _note(session, work, personal_data.erase_rows(session, _rows(cases=_decided(work.now)), now=work.now))
            return
        until = work.now - timedelta(days=days)
        old = sa.select(Order.id).where(
            Order.placed_at < until, Order.erased_at.is_(None), Order.return_open.is_(False)
        )
        found = session.scalars(old.order_by(Order.placed_at).limit(ORDERS_AT_ONCE).with_for_update()).all()
        _note(session, work, personal_data.erase_rows(session, _past(found, until, work.now), now=work.now))
        if len(found) == ORDERS_AT_ONCE:
            queue.enqueue(session, work.store_id, NewJob("privacy.retain", "retain"), now=work.now)


def _note(session: Session, work: Work, counts: Mapping[str, int]) -> None:
    if counts:
        audit.note(session, work.now, "aftercare", "privacy_retention", codes=counts)


def _past(order_ids: Sequence[int], until: datetime, now: datetime) -> personal_data.PersonRows:
    named = sa.or_(Review.author != "", Review.email_key != "")
    old = sa.and_(Case.order_id.is_(None), Case.opened_at < until, Case.email_key != "")
    return _rows(
        order_ids=order_ids,
        reviews=sa.and_(Review.order_ref == "", Review.posted_at < until, named),
        cases=sa.or_(old, _decided(now)),
        declarations=sa.and_(
            Declaration.order_id.is_(None), Declaration.declared_at < until, Declaration.receipt != ""
        ),
    )


def _rows(*, cases: sa.ColumnElement[bool], **more: Any) -> personal_data.PersonRows:
    """Give the rows of no person in particular; of what is not named there are none."""
    none = {"order_ids": (), "email_keys": (), "reviews": sa.false(), "declarations": sa.false()}
    return personal_data.PersonRows(**none | more, cases=cases)


def _decided(now: datetime) -> sa.ColumnElement[bool]:
    """Give the condition that a case was decided long ago and still says something."""
    said = sa.exists().where(Message.store_id == Case.store_id, Message.case_id == Case.id, Message.text != "")
    says = sa.or_(Case.subject != "", Case.email_key != "", said)
    is_over = sa.and_(Case.state == "closed", Case.closed_at < now - DECIDED_KEPT)
    return sa.and_(Case.kind.in_(UNCONFIRMED.values()), is_over, says)


JOBS = {
    "privacy.erase_store": Kind(erase_store),
    "privacy.retain": Kind(retain),
    "clock.retain": Kind(retain_all, attempts=1),
}
