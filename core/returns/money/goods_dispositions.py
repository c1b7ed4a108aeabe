"""What became of the units of a return that is settled: back on sale, not, damaged, or never come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.platform.native_returns import Disposition
from core.returns.model import Reimbursement, Return, ReturnItem
from core.returns.money.payout import KINDS


@dataclass(frozen=True, slots=True)
class SettledReturn:
    """The return that a reimbursement settles: the platform's own ref of it ("" for none), and its items."""

    native_ref: str
    has_goods: bool
    """Whether the goods are here."""
    items: tuple[ReturnItem, ...]


def settled_return(session: Session, row: Reimbursement) -> SettledReturn | None:
    """Read the return that a reimbursement settles, None where it settles none."""
    rma = session.get(Return, (row.store_id, row.return_id)) if row.return_id else None
    if rma is None:
        return None
    items = session.scalars(sa.select(ReturnItem).where(ReturnItem.return_id == rma.id).order_by(ReturnItem.id))
    native_ref = "" if rma.is_over_there else rma.native_ref
    return SettledReturn(native_ref, rma.reception in ("received", "inspected"), tuple(items))


def dispositions_of(row: Reimbursement, of: SettledReturn, *, location: str) -> Mapping[str, tuple[Disposition, ...]]:
    """Say by line ref what became of the units that a reimbursement stands for; nothing where no goods are here.

    `location` is the platform's ref of the place where goods come back to.
    """
    if not of.has_goods or row.balance:
        return {}
    said: dict[str, tuple[Disposition, ...]] = {}
    for item in of.items:
        if KINDS[item.wish] == row.kind and item.wish != "keep":
            restocks = item.line_ref in row.restock
            said[item.line_ref] = (*said.get(item.line_ref, ()), *_of_item(item, location, restocks=restocks))
    return {ref: gone for ref, gone in said.items() if gone}


def _of_item(item: ReturnItem, location: str, *, restocks: bool) -> Iterator[Disposition]:
    accepted = item.quantity - item.missing if item.accepted is None else item.accepted
    refused = item.quantity - item.missing - accepted
    if restocks and accepted:
        yield Disposition("restocked", accepted, location)
    kept_back = refused if restocks else accepted + refused
    if kept_back:
        yield Disposition("damaged" if item.grade == "damaged" else "not_restocked", kept_back, location)
    if item.missing:
        yield Disposition("missing", item.missing)
