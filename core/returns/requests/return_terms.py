"""What staff change of a return before it is settled: the label for the way back, fees, and shipping that goes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from core.orders.model import Order
from core.orders.sanitize import web_url
from core.returns import events
from core.returns.audit_entries import note_act
from core.returns.model import Return
from core.returns.money import payout
from core.returns.requests.approval_limit import check_limit
from core.returns.requests.lifecycle import Actor, ReasonNeeded
from core.returns.states import IllegalMove
from core.stores.model import Store


def set_label(session: Session, rma: Return, *, url: str, now: datetime) -> None:
    """Give the shopper a link to a label, with a letter where the return is approved already.

    Raises ValueError for what is no web address, IllegalMove once the goods are not awaited any more.
    """
    if rma.reception != "awaited" or rma.standing.is_over:
        raise IllegalMove("reception", rma.reception, "set_label")
    if not web_url(url):
        raise ValueError("not a web address")
    rma.label_url = web_url(url)
    note_act(session, rma, "set_label", now=now)
    events.request_platform_update(session, rma, now=now)
    if rma.acceptance == "approved":
        occasion = f"{rma.id}:label:{int(now.timestamp())}"
        order = session.get_one(Order, (rma.store_id, rma.order_id))
        events.request_letter(session, order, "return_approved", occasion, {"return": rma.id}, now=now)


def set_terms(
    session: Session,
    store: Store,
    rma: Return,
    by: Actor,
    *,
    fees: Mapping[str, int],
    shipping: int = 0,
    reason: str,
    now: datetime,
) -> int:
    """Change what is kept back and how much shipping is given back; give the new amount. A reason is needed.

    Raises IllegalMove once money was promised, ReasonNeeded, AboveLimit.
    """
    if rma.reimbursement != "none":
        raise IllegalMove("reimbursement", rma.reimbursement, "set_terms")
    if not reason.strip() or min([shipping, *fees.values()], default=0) < 0:
        raise ReasonNeeded
    before = {"fees_before": sum(fee["amount"] for fee in rma.fees), "shipping_before": rma.shipping}
    rma.fees = [{"what": what, "amount": amount} for what, amount in fees.items() if amount]
    rma.shipping = shipping
    amount = payout.amount_of(session, store, rma, now=now)
    check_limit(session, store, rma, amount, ref=by.ref, name=by.name, role=by.role, now=now)
    rma.quoted = amount
    note_act(session, rma, "set_terms", codes=before, reason=reason, now=now)
    events.request_platform_update(session, rma, now=now)
    return amount
