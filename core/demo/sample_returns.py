"""What comes back to the sample store: a policy, returns at different stages, a withdrawal, all through the verbs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import LineItem, Order, Shipment
from core.returns.law.withdrawal_rights import NoSuchRight, right_of
from core.returns.model import Return
from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy
from core.returns.requests import lifecycle
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER, Actor
from core.returns.requests.opening import ReturnRequest, open_return
from core.returns.withdrawal import declare
from core.services import Services
from core.stores.model import Store

MAX = Actor("Max", "owner")
PRACTICE = {"send_to": ["Fern & Oak, returns", "1 Sample Street", "01103 Vilnius", "Lithuania"], "agent_limit": 5000}
_TERMS = {
    "rules": [
        {
            "name": "Sends much back",
            "when": {"earlier_returns_from": 4},
            "answer": "review",
            "objection": "frequent_returns",
        },
        {"name": "Costly orders", "when": {"value_from": 15000}, "answer": "review", "objection": "value_too_high"},
        {"name": "Damaged on the way", "when": {"reasons": ["damaged", "defective"]}, "answer": "review"},
    ],
    "otherwise": "accept",
    "window": {"days": 30, "counted_from": "delivery", "grace_days": 7},
    "reasons": {
        "damaged": {},
        "wrong_item": {},
        "late": {},
        "too_small": {"label_paid_by": "shopper", "label_fee": 450},
        "too_large": {"label_paid_by": "shopper", "label_fee": 450},
        "changed_mind": {"label_paid_by": "shopper", "label_fee": 450, "fee_percent": "5"},
        "other": {"label_paid_by": "shopper", "label_fee": 450},
    },
}
_RECENT = timedelta(days=25)


def set_policy(services: Services, store: Store) -> None:
    """Save the sample store's policy, as Max would."""
    with services.db.transaction(store.id) as session:
        here = policy_versions.policy_of(session, store)
        wanted = Policy.model_validate({"timezone": store.timezone, "currency": store.currency} | _TERMS)
        policy_versions.save_policy(session, store, wanted, seen=here.version, who=MAX.name, now=services.clock())


def start_returns(services: Services, store: Store) -> bool:
    """Let three shoppers return something and one withdraw; False while too little of the store has been read."""
    with services.db.transaction(store.id, write=False) as session:
        orders = _delivered(services, session)
        withdrawing = next((order for order in orders if _may_withdraw(services, session, store, order)), None)
    if len(orders) < 4 or withdrawing is None:
        return False
    damaged, wrong, ended = [order for order in orders if order.id != withdrawing.id][:3]
    _ask(services, store, damaged, "damaged", "refund", "The handle was broken off when I opened the box.")
    _arrive(services, store, _ask(services, store, wrong, "wrong_item", "exchange"))
    _inspect(services, store, _arrive(services, store, _ask(services, store, ended, "late", "refund")))
    _withdraw(services, store, withdrawing)
    return True


def _delivered(services: Services, session: Session) -> Sequence[Order]:
    """Give the orders that came lately, the newest first."""
    since = services.clock() - _RECENT
    came = sa.select(Shipment.order_id).where(Shipment.delivered_at >= since)
    orders = session.scalars(sa.select(Order).where(Order.id.in_(came)).order_by(Order.placed_at.desc()))
    return orders.all()


def _may_withdraw(services: Services, session: Session, store: Store, order: Order) -> bool:
    try:
        return right_of(session, store, order, now=services.clock()).is_open
    except NoSuchRight:
        return False


def _ask(services: Services, store: Store, order: Order, reason: str, wish: str, comment: str = "") -> Return:
    with services.db.transaction(store.id) as session:
        line = session.scalars(sa.select(LineItem.ref).where(LineItem.order_id == order.id).limit(1)).one()
        asked = ReturnRequest((RequestedLine(line, 1, reason, wish),), comment=comment)  # type: ignore[arg-type]
        return open_return(session, store, order.id, asked, SHOPPER, now=services.clock())


def _arrive(services: Services, store: Store, rma: Return) -> Return:
    with services.db.transaction(store.id) as session:
        mine = lifecycle.find_return(session, store.id, rma.id)
        if mine.acceptance == "requested":
            lifecycle.decide(session, store, mine, MAX, "approve", now=services.clock())
        lifecycle.receive(session, store, mine, MAX, now=services.clock())
        return mine


def _inspect(services: Services, store: Store, rma: Return) -> None:
    with services.db.transaction(store.id) as session:
        mine = lifecycle.find_return(session, store.id, rma.id)
        lifecycle.inspect(session, store, mine, [], MAX, now=services.clock())


def _withdraw(services: Services, store: Store, order: Order) -> None:
    with services.db.transaction(store.id) as session:
        row = declare.start(session, store, order.id, {}, now=services.clock())
        declare.confirm(session, store, row.id, now=services.clock())
