"""Whether a fact still holds: it may be late, repeated, or said by a body that nobody signed.

Facts that end a connection (the app was removed, the store's data must go) are over where the store was connected
after them. Two clocks may disagree, so near the connection the platform is asked first. Facts about a person are
carried out whatever their age: who asked to be forgotten is forgotten, and twice is once. What the signature does not
cover is confirmed by the platform's API; what no API confirms becomes a case with a due date. That keys are refused
confirms what nobody signed only after as many looks as close a store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations import cases
from core.conversations.model import Case, Message
from core.jobs import queue
from core.jobs.queue import NewJob, PauseStore
from core.orders import find
from core.platform.errors import AccessLost, NotSupported
from core.platform.snapshots import Change
from core.privacy import retention
from core.secrets import Keyring, Unsealable
from core.services import Services
from core.stores.connection import access
from core.stores.model import Store
from core.stores.platform_access import open_platform

CLOCKS_APART = timedelta(minutes=15)
"""By how much the platform's clock and ours may differ, either way."""

_NEWS = retention.UNCONFIRMED[""]
CHOICES = ("carry_out", "set_aside")

Ruling = Literal["holds", "over", "person", "look_again"]


def read(payload: Mapping[str, Any]) -> Change:
    """Read a fact from its job; one promised before facts had times has none."""
    at = payload.get("occurred_at")
    return Change(
        payload["resource"],
        payload["ref"],
        datetime.fromisoformat(at) if at else None,
        payload["facts"],
        payload.get("event_id", ""),
        payload.get("is_signed", True),
    )


def is_uninstall(change: Change) -> bool:
    """Say whether the merchant removed the app."""
    return change.resource == "store" and change.facts.get("event") == "uninstalled"


def is_store_erasure(change: Change) -> bool:
    """Say whether all that is kept of the store must go."""
    return change.resource == "privacy" and change.facts.get("request") == "erase_store"


def age(change: Change, connected_at: datetime | None) -> Literal["older", "newer", "unclear"]:
    """Say whether a fact happened before or after the store was connected.

    A connection whose moment was not kept is older than every fact.
    """
    if connected_at is None:
        return "newer"
    if change.occurred_at is None or abs(change.occurred_at - connected_at) <= CLOCKS_APART:
        return "unclear"
    return "older" if change.occurred_at < connected_at else "newer"


def judge(services: Services, store: Store, change: Change, *, looks: int = 0) -> Ruling:
    """Say what becomes of a fact: it holds, it is over, a person has to decide, or the platform is to be asked again
    after a while. `looks` is how often it refused our keys when it was asked about this fact before.

    Calls the platform where it has to be asked, so it must not run inside a transaction; raises Unavailable where it
    cannot say now.
    """
    if is_uninstall(change) or is_store_erasure(change):
        return _judge_end(services, store, change, looks)
    if change.is_signed or change.resource != "privacy":
        return "holds"  # what else is not signed asks the platform by itself
    if store.state == "uninstalled":
        return "holds"  # nobody is at its desk, no keys are left to ask with, and all of it is to go
    try:
        return _RULINGS[_ask(services, store, change)]
    except AccessLost:
        return "person"


_RULINGS: Mapping[bool | None, Ruling] = {True: "holds", False: "over", None: "person"}


def _judge_end(services: Services, store: Store, change: Change, looks: int) -> Ruling:
    how_old = age(change, store.connected_at)
    if how_old == "older":
        return "over"
    if store.state == "uninstalled":
        return "holds"
    # A store that is erased has left: where we do not know that, its news may still come, or was lost.
    if change.is_signed and how_old == "newer" and not is_store_erasure(change):
        return "holds"
    try:
        said = _ask(services, store, change)
    except AccessLost:  # a store refuses single calls for reasons of its own
        return "holds" if change.is_signed or looks + 1 >= len(access.LOOKS) else "look_again"
    return "holds" if said is None and change.is_signed else _RULINGS[said]


def _ask(services: Services, store: Store, change: Change) -> bool | None:
    """Ask the platform whether a fact holds; None where it cannot tell. Raises AccessLost."""
    has_left = is_uninstall(change) or is_store_erasure(change)
    try:
        platform = open_platform(services, store, although_closed=True)
        said = platform.confirm(change)
        if said is None and has_left:
            platform.check_access()
            return False
    except (NotSupported, Unsealable, PauseStore):  # it cannot say, or left while we asked
        return None
    return said


def open_case(session: Session, keyring: Keyring, change: Change, *, origin: str, now: datetime) -> None:
    """Open a case for a fact that nothing confirms, due when the law wants it done. `origin` makes it one."""
    if cases.is_message_stored(session, origin):
        return
    request = change.facts.get("request") if change.resource == "privacy" else ""
    email = str(change.facts.get("email") or "")
    kind = retention.UNCONFIRMED.get(str(request), _NEWS)
    case = cases.open_case(session, kind=kind, order=None, now=now, subject=email or change.ref)
    case.due_at = now + retention.ANSWER_WITHIN
    case.email_key = find.email_key(email, keyring)  # so that an erasure finds it
    told = {"resource": change.resource, "ref": change.ref, "facts": dict(change.facts)}
    cases.add_message(session, case, side="staff", text=json.dumps(told), origin=origin, now=now)


def decide(session: Session, case_id: int, choice: str, *, now: datetime) -> bool:
    """Do as staff say of a fact that nothing confirmed: promise to carry it out, or set it aside; the case is closed.

    False where there is no such open case, or nothing of this kind may be carried out by hand.
    """
    mine = sa.select(Case).where(
        Case.id == case_id, Case.state == "open", Case.kind.in_(retention.UNCONFIRMED.values())
    )
    case = session.scalar(mine.with_for_update())
    if case is None or (choice == "carry_out" and case.kind == _NEWS):
        return False
    case.state, case.closed_at = "closed", now
    told = session.scalar(sa.select(Message.text).where(Message.case_id == case.id).order_by(Message.id).limit(1))
    if choice == "carry_out" and told:  # "" once its person is erased
        payload = {**json.loads(told), "confirmed": True}
        queue.enqueue(session, case.store_id, NewJob("changes.act", f"case:{case.id}", payload, once=True), now=now)
    return True
