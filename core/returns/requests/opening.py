"""Opens a return: checks the request against the order's balance and the policy, stores it, and approves it where the
policy accepts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.bulk import insert_rows
from core.db.orm_bypass import insert_objects
from core.db.row_reader import session_reader
from core.orders.model import Order
from core.returns import events
from core.returns.facts import Answer
from core.returns.model import Counter, Return, ReturnItem, ReturnPhoto
from core.returns.money.order_balance import lock_order
from core.returns.money.reimburse import refresh
from core.returns.requests.ask_collections import Collections
from core.returns.requests.evaluate_request import EvaluatedRequest, RequestedLine, evaluate, fees_of
from core.returns.requests.lifecycle import POLICY, Actor, ReturnNotFound, decide
from core.returns.return_settings import return_settings_of
from core.stores.model import Store

DUPLICATE_WINDOW = timedelta(minutes=2)
"""The same request again within this long is a double click."""
FIRST_NUMBER = 1001
_returns = table_of(Return)
_SAME = (
    sa.select(_returns.c.store_id, _returns.c.id)
    .where(_returns.c.store_id == sa.bindparam("store_id"), _returns.c.order_id == sa.bindparam("order_id"))
    .where(_returns.c.digest == sa.bindparam("digest"), _returns.c.opened_at >= sa.bindparam("since"))
    .where(_returns.c.status != "canceled")
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class ReturnRequest:
    """What a shopper (or staff for them) hands in."""

    lines: tuple[RequestedLine, ...]
    comment: str = ""
    gift: bool = False
    kind: str = "return"
    photos: tuple[int, ...] = ()


class ReturnNotAllowed(Exception):
    """The policy declines this; `considered` says why, line by line."""

    def __init__(self, considered: EvaluatedRequest) -> None:
        super().__init__("declined by the policy")
        self.considered = considered


class RequestIncomplete(Exception):
    """The policy wants more with this request: `photos` more photos, answers to `questions`."""

    def __init__(self, photos: int = 0, questions: tuple[str, ...] = ()) -> None:
        super().__init__("photos or answers are missing")
        self.photos, self.questions = photos, questions


def open_return(
    session: Session,
    store: Store,
    order_id: int,
    request: ReturnRequest,
    by: Actor,
    *,
    collections: Collections = None,
    now: datetime,
) -> Return:
    """Open a return, and approve it where the policy accepts it. `collections` is what `ask_collections` gave.

    A double click gives the first. Raises ReturnNotAllowed where everything is declined (staff may open it all the
    same), SomethingMissing where the policy wants photos or answers, ReturnNotFound where there is no such order.
    """
    order = lock_order(session, store.id, order_id)
    if order is None or order.gone_at is not None or order.erased_at is not None:
        raise ReturnNotFound
    digest = _digest(order_id, request)
    if (same := _asked_before(session, order_id, digest, now)) is not None:
        return same
    kind, gift = request.kind, request.gift
    evaluated = evaluate(session, store, order, request.lines, kind=kind, gift=gift, collections=collections, now=now)
    accepted_lines = _accepted_lines(evaluated.answer, request, by)
    if not accepted_lines:
        raise ReturnNotAllowed(evaluated)
    if not by.is_staff:
        _check_enough(evaluated, request, _lost_photos(session, order.id, request.photos))
    rma = _write(session, store, order, request, accepted_lines, evaluated, digest, by, now)
    events.record_event(session, order.id, "return_requested", {"rma": rma.rma, "kind": rma.kind}, now=now)
    refresh(session, rma, now=now)
    events.request_platform_update(session, rma, now=now)
    if evaluated.answer.answer == "accept" and not by.is_staff and request.kind == "return":
        decide(session, store, rma, POLICY, "approve", now=now)
    else:
        events.request_letter(session, order, "return_requested", f"{rma.id}", {"return": rma.id}, now=now)
    return rma


def next_number(session: Session, store_id: int, name: str) -> int:
    """Give a store's next number of a kind; two who ask at once get two."""
    first = {"store_id": store_id, "id": new_id(), "name": name, "last": FIRST_NUMBER}
    [counted] = insert_rows(session, table_of(Counter), [first], _count_on)
    return int(counted.last)


def _count_on(new: Any) -> Any:
    last = new.table.c.last
    return new.on_conflict_do_update(index_elements=["store_id", "name"], set_={"last": last + 1}).returning(last)


def _write(
    session: Session,
    store: Store,
    order: Order,
    request: ReturnRequest,
    accepted_lines: Sequence[RequestedLine],
    evaluated: EvaluatedRequest,
    digest: str,
    by: Actor,
    now: datetime,
) -> Return:
    settings, answer = return_settings_of(store), evaluated.answer
    rma = Return(
        id=new_id(),
        order_id=order.id,
        rma=f"RMA-{next_number(session, store.id, 'rma')}",
        kind=request.kind,
        answer=answer.answer,
        objections=_objections(answer),
        rules=[list(rule) for rule in answer.rules],
        policy_version=evaluated.policy.version,
        refund_when=answer.refund_when,
        label_paid_by=answer.fees.label_paid_by,
        fees=[{"what": fee.what, "amount": fee.amount} for fee in fees_of(answer)],
        quoted=evaluated.quote.total if evaluated.quote else 0,
        currency=order.currency,
        gift=request.gift,
        comment=request.comment[:4000],
        digest=digest,
        opened_by=by.name,
        opened_at=now,
        answer_by=now + timedelta(days=settings.answer_days),
    )
    insert_objects(session, [rma])
    titles = {line.ref: line.title for line in evaluated.balance.lines}
    items = [
        ReturnItem(
            return_id=rma.id,
            order_id=order.id,
            line_ref=one.ref,
            title=titles.get(one.ref, ""),
            quantity=one.quantity,
            reason=one.reason,
            wish=one.wish,
            answers=dict(one.answers),
            exchange_for=one.exchange_for,
            exchange_title=one.exchange_title,
            exchange_price=one.exchange_price,
        )
        for one in accepted_lines
    ]
    insert_objects(session, items)
    events.note_searchable(session, rma)
    if request.photos:
        mine = sa.update(ReturnPhoto).where(ReturnPhoto.id.in_(request.photos), ReturnPhoto.order_id == order.id)
        # From here on the same picture may be sent again, for another return of the order.
        taken = {"return_id": rma.id, "digest": ReturnPhoto.digest + f":{rma.id}"}
        session.execute(mine.where(ReturnPhoto.return_id.is_(None)).values(taken))
    return rma


def _accepted_lines(answer: Answer, request: ReturnRequest, by: Actor) -> list[RequestedLine]:
    """Leave out what is declined; staff may take it in all the same, as long as there are so many left."""
    never = {"quantity_too_high", "already_returned", "nothing_asked"}
    return [
        one
        for one, said in zip(request.lines, answer.lines, strict=True)
        if said.answer != "decline" or (by.is_staff and not never & {objection.code for objection in said.objections})
    ]


def photos_wanted(answer: Answer) -> int:
    """Say how many photos a request needs: as many as the line that needs most of them."""
    return max((said.photos_required for said in answer.lines if said.answer != "decline"), default=0)


def _lost_photos(session: Session, order_id: int, photos: Sequence[int]) -> int:
    """Count the photos that are not this order's, went with another return, or were forgotten."""
    mine = sa.select(ReturnPhoto.id).where(ReturnPhoto.id.in_(photos), ReturnPhoto.order_id == order_id)
    return len(set(photos)) - len(session.scalars(mine.where(ReturnPhoto.return_id.is_(None))).all()) if photos else 0


def _check_enough(evaluated: EvaluatedRequest, request: ReturnRequest, lost: int) -> None:
    missing = max(photos_wanted(evaluated.answer) - len(set(request.photos)), 0) + lost
    reasons = {**evaluated.policy.reasons}
    unanswered = {
        question.key
        for one in request.lines
        for question in (reasons[one.reason].questions if one.reason in reasons else ())
        if question.required and not str(one.answers.get(question.key, "")).strip()
    }
    if missing or unanswered:
        raise RequestIncomplete(missing, tuple(sorted(unanswered)))


def _asked_before(session: Session, order_id: int, digest: str, now: datetime) -> Return | None:
    same = session_reader(session).rows(_SAME, order_id=order_id, digest=digest, since=now - DUPLICATE_WINDOW)
    return session.get(Return, (same[0].store_id, same[0].id)) if same else None


def _digest(order_id: int, request: ReturnRequest) -> str:
    return hashlib.blake2b(repr((order_id, request)).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _objections(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"line": line.line, "code": one.code, "values": _json(one.values)}
        | {"offer": one.next_best.code, "offered": _json(one.next_best.values)}
        for line in answer.lines
        for one in line.objections
    ]


def _json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
