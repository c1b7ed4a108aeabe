"""What returns, withdrawals and declarations are found by at the desk: numbers, names, words, goods."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.bulk import id_in
from core.returns.model import Return, ReturnItem, Withdrawal
from core.returns.withdrawal.model import Declaration
from core.search.query import SearchQuery
from core.search.sources import SearchSource, SearchText
from core.secrets import Keyring

RETURN, WITHDRAWAL, DECLARATION = "return", "withdrawal", "declaration"
"""Their kinds in the search."""
_returns, _items = table_of(Return), table_of(ReturnItem)
_withdrawals, _declarations = table_of(Withdrawal), table_of(Declaration)
_BREAK = "\n"


def read_returns(session: Session, store_id: int, ids: Sequence[int]) -> Mapping[int, SearchText]:
    """Read what returns are found by."""
    of_return = sa.and_(_items.c.store_id == _returns.c.store_id, _items.c.return_id == _returns.c.id)
    goods = sa.select(sa.func.aggregate_strings(_items.c.title + " " + _items.c.exchange_title, _BREAK))
    names = "id order_id rma kind status opened_at comment tracking_number native_name".split()
    every = goods.where(of_return).correlate(_returns).scalar_subquery().label("goods")
    rows = _read(session, store_id, _returns, [*(_returns.c[name] for name in names), every], ids)
    return {
        row.id: SearchText(
            row=row,
            at=row.opened_at,
            texts=(row.comment, row.goods or ""),
            own_numbers=tuple(filter(None, (row.rma, row.tracking_number, row.native_name))),
            serial=_digits(row.rma),
        )
        for row in rows
    }


def read_withdrawals(session: Session, store_id: int, ids: Sequence[int]) -> Mapping[int, SearchText]:
    """Read what withdrawals are found by; one that was begun and not declared is left out."""
    names = "id order_id number state name receipt_to started_at declared_at lines".split()
    rows = _read(session, store_id, _withdrawals, [_withdrawals.c[name] for name in names], ids)
    return {
        row.id: SearchText(
            row=row,
            at=row.declared_at or row.started_at,
            texts=(row.name, *(str(line.get("title", "")) for line in row.lines)),
            numbers=(row.receipt_to,),
            own_numbers=(row.number,),
            serial=_digits(row.number),
        )
        for row in rows
        if row.state != "started"
    }


def read_declarations(session: Session, store_id: int, ids: Sequence[int]) -> Mapping[int, SearchText]:
    """Read what declarations are found by; one that became a withdrawal is left out: that has its number."""
    names = "id withdrawal_id number state name order_number email declared_at".split()
    rows = _read(session, store_id, _declarations, [_declarations.c[name] for name in names], ids)
    return {
        row.id: SearchText(
            row=row,
            at=row.declared_at,
            texts=(row.name,),
            numbers=(row.order_number, row.email),
            own_numbers=(row.number,),
            serial=_digits(row.number),
        )
        for row in rows
        if row.withdrawal_id is None
    }


def _read(session: Session, store_id: int, table: sa.Table, columns: list[Any], ids: Sequence[int]) -> Sequence[Any]:
    mine = sa.and_(table.c.store_id == store_id, id_in(session, table.c.id, ids))
    return session.connection().execute(sa.select(*columns).where(mine)).all()


def _digits(number: str) -> str:
    return number.rpartition("-")[2]


def _serials_of(prefix: str) -> Callable[[str], Sequence[str]]:
    """Give what reads a typed number of ours: "RMA-1001", "rma 1001" and "1001" are one."""
    form = re.compile(rf"\s*(?:{prefix})?[\s#-]*0*([1-9][0-9]{{0,17}})\s*", re.IGNORECASE | re.ASCII)

    def serials(typed: str) -> Sequence[str]:
        found = form.fullmatch(typed)
        return (found[1],) if found else ()

    return serials


def _look_up_by(column: Any, prefix: str) -> Callable[[SearchQuery, Keyring], Iterable[sa.ColumnElement[bool]]]:
    serials = _serials_of(prefix)
    return lambda query, _keyring: [column == f"{prefix}-{serial}" for serial in serials(query.typed)]


def _source(kind: str, code: int, column: Any, prefix: str, read: Any) -> SearchSource:
    numbers = {"look_up": _look_up_by(column, prefix), "serials": _serials_of(prefix), "prefix": prefix.lower()}
    return SearchSource(kind=kind, code=code, model=column.class_, read=read, **numbers)  # type: ignore[arg-type]


SOURCES = (
    _source(RETURN, 2, Return.rma, "RMA", read_returns),
    _source(WITHDRAWAL, 3, Withdrawal.number, "WD", read_withdrawals),
    _source(DECLARATION, 4, Declaration.number, "WD", read_declarations),
)
