"""Opens a return here for one that was begun at the platform: its number, its lines, what our policy says of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.orders.model import Order
from core.platform.native_returns import REASONS, ReturnSnapshot, ReturnState
from core.returns import events
from core.returns.model import Return, ReturnItem
from core.returns.money.order_balance import read_balance
from core.returns.requests.ask_collections import Collections
from core.returns.requests.evaluate_request import EvaluatedRequest, RequestedLine, evaluate
from core.returns.requests.lifecycle import PLATFORM, POLICY, decide
from core.returns.requests.opening import next_number, photos_wanted
from core.returns.return_settings import return_settings_of
from core.stores.model import Store

log = structlog.get_logger()
MOST_UNITS = 1_000_000
"""More than this many of one line no platform means."""


def open_begun(
    session: Session,
    store: Store,
    order: Order,
    native: ReturnSnapshot,
    *,
    tells: bool,
    collections: Collections = None,
    now: datetime,
) -> Return | None:
    """Open a return of source "platform"; None where none of its lines is a line of the order.

    The policy's answer is kept, and where it accepts a request outright it is approved. `tells` False approves and
    mails nothing; that it was asked for is not mailed where the platform did.
    """
    balance = read_balance(session, order)
    titles = {line.ref: line.title for line in balance.lines}
    asked = _asked(native, titles.keys())
    if not asked:
        log.warning("native_return_without_lines", order=order.ref, native=native.ref)
        return None
    evaluated = evaluate(session, store, order, asked, collections=collections, now=now)
    opened_at = min(native.requested_at or now, now)
    rma = Return(
        id=new_id(),
        order_id=order.id,
        rma=f"RMA-{next_number(session, store.id, 'rma')}",
        kind="return",
        source=PLATFORM.name,
        native_ref=native.ref,
        answer=evaluated.answer.answer,
        rules=[list(rule) for rule in evaluated.answer.rules],
        policy_version=evaluated.policy.version,
        refund_when=evaluated.answer.refund_when,
        label_paid_by="shopper" if native.shipping_fee else evaluated.answer.fees.label_paid_by,
        fees=fees_of(native),
        quoted=evaluated.quote.total if evaluated.quote else 0,
        currency=order.currency,
        comment=_comment(native),
        opened_by=PLATFORM.name,
        opened_at=opened_at,
        answer_by=now + timedelta(days=return_settings_of(store).answer_days),
    )
    session.add(rma)
    session.flush()
    session.add_all(
        ReturnItem(
            return_id=rma.id,
            order_id=order.id,
            line_ref=one.ref,
            title=titles[one.ref],
            quantity=one.quantity,
            reason=one.reason,
            wish=one.wish,
            exchange_for=one.exchange_for,
            exchange_title=one.exchange_title,
            exchange_price=one.exchange_price,
        )
        for one in asked
    )
    session.flush()
    if native.state is ReturnState.REQUESTED:
        is_mailed = "requested" in native.mailed
        _ask_policy(session, store, order, rma, evaluated, asked, tells=tells, is_mailed=is_mailed, now=now)
    return rma


def fees_of(native: ReturnSnapshot) -> list[dict[str, object]]:
    """Give what the platform's return keeps back, by the names our fees have."""
    kept = {"handling": sum(line.restocking_fee for line in native.lines), "label": native.shipping_fee}
    return [{"what": what, "amount": amount} for what, amount in kept.items() if amount > 0]


def _ask_policy(
    session: Session,
    store: Store,
    order: Order,
    rma: Return,
    evaluated: EvaluatedRequest,
    asked: Sequence[RequestedLine],
    *,
    tells: bool,
    is_mailed: bool,
    now: datetime,
) -> None:
    """Note that it was asked for; approve what the policy accepts without photos or answers that nobody gave there.

    What waits since before we knew the store (`tells` False) is decided by a person.
    """
    events.record_event(session, order.id, "return_requested", {"rma": rma.rma, "kind": rma.kind}, now=now)
    reasons = evaluated.policy.reasons
    asks_more = photos_wanted(evaluated.answer) or any(
        question.required for one in asked if one.reason in reasons for question in reasons[one.reason].questions
    )
    if not tells:
        return
    if evaluated.answer.answer == "accept" and not asks_more:
        decide(session, store, rma, POLICY, "approve", now=now)
    elif not is_mailed:
        events.request_letter(session, order, "return_requested", f"{rma.id}", {"return": rma.id}, now=now)


def _asked(native: ReturnSnapshot, refs: Collection[str]) -> list[RequestedLine]:
    """Give the lines as a request has them; what goes out instead is dealt to them in their order."""
    goods = list(native.exchange)
    asked = []
    for line in native.lines:
        if line.line not in refs or not 0 < line.quantity <= MOST_UNITS:
            continue
        reason = line.reason if line.reason in REASONS else "other"
        fits = next((one for one in goods if one.line == line.line), goods[0] if goods and not goods[0].line else None)
        if fits is None:
            asked.append(RequestedLine(line.line, line.quantity, reason))
            continue
        goods.remove(fits)
        price = None if fits.price is None or not fits.quantity else fits.price // fits.quantity
        asked.append(
            RequestedLine(
                line.line,
                line.quantity,
                reason,
                "exchange",
                exchange_for=fits.variant,
                exchange_title=fits.title,
                exchange_price=price,
            )
        )
    return asked


def _comment(native: ReturnSnapshot) -> str:
    return "\n".join(dict.fromkeys(line.note for line in native.lines if line.note))[:4000]
