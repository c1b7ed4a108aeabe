"""Objects past SQLAlchemy's unit of work: new ones written by one INSERT a model, read ones made of plain rows.

A flush sorts, compiles and compares before it writes: for the few rows of a return it cost more than the policy, the
amounts and PostgreSQL together (benchmarks.p6_return).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from core.db.base import Owned, table_of
from core.db.bulk import insert_rows

T = TypeVar("T", bound=Owned)


def write_new(session: Session, objects: Sequence[T]) -> None:
    """Insert new objects of one model, whatever their columns' defaults; they are the session's afterwards.

    Raises PermissionError where one belongs to another store than the transaction.
    """
    if not objects:
        return
    store_id = session.info["store_id"]
    model: Any = type(objects[0])
    for one in objects:
        if vars(one).setdefault("store_id", store_id) != store_id:
            raise PermissionError("a row of another store reached this transaction")
        for name, default in _defaults(model):
            if name not in vars(one):
                setattr(one, name, default())
    rows = [{name: getattr(one, name) for name, _ in _defaults(model)} for one in objects]
    insert_rows(session, table_of(model), rows, _as_they_are)
    for one in objects:
        make_transient_to_detached(one)
        session.add(one)


def adopt(session: Session, model: type[T], row: Any) -> T:
    """Give the object of a row read in this transaction with all its columns: the session's own, brought up to date.

    Raises PermissionError for a row of another store.
    """
    if row.store_id != session.info["store_id"]:
        raise PermissionError("a row of another store reached this transaction")
    mapper: Any = sa.inspect(model)
    known: T | None = session.identity_map.get(mapper.identity_key_from_primary_key((row.store_id, row.id)))
    if known is None:
        one = model(**row._asdict())
        make_transient_to_detached(one)
        session.add(one)
        return one
    for name, _ in _defaults(mapper.class_):
        set_committed_value(known, name, getattr(row, name))
    return known


@cache
def _defaults(model: Any) -> tuple[tuple[str, Any], ...]:
    """List a model's attributes with what makes the default of their column."""
    return tuple((one.key, _made_by(one.columns[0].default)) for one in sa.inspect(model).column_attrs)


def _made_by(default: Any) -> Callable[[], Any]:
    if default is None:
        return lambda: None
    return (lambda: default.arg(None)) if default.is_callable else (lambda: default.arg)


def _as_they_are(new: Any) -> Any:
    return new.returning(new.table.c.id)
