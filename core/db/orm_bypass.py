"""Write and load objects without SQLAlchemy's unit of work: one INSERT a model, objects made of plain rows.

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


def insert_objects(session: Session, objects: Sequence[T]) -> None:
    """Insert new objects of one model by one statement, with their columns' defaults, and attach them to the session.

    Raises PermissionError where one belongs to another store than the transaction.
    """
    if not objects:
        return
    store_id = session.info["store_id"]
    model: Any = type(objects[0])
    for object_ in objects:
        if vars(object_).setdefault("store_id", store_id) != store_id:
            raise PermissionError("a row of another store reached this transaction")
        for name, default in _defaults(model):
            if name not in vars(object_):
                setattr(object_, name, default())
    rows = [{name: getattr(object_, name) for name, _ in _defaults(model)} for object_ in objects]
    insert_rows(session, table_of(model), rows, _returning_id)
    for object_ in objects:
        make_transient_to_detached(object_)
        session.add(object_)


def attach_row(session: Session, model: type[T], row: Any) -> T:
    """Give the object for a row that was read with all its columns; one the session already has is brought up to date.

    Raises PermissionError for a row of another store.
    """
    if row.store_id != session.info["store_id"]:
        raise PermissionError("a row of another store reached this transaction")
    mapper: Any = sa.inspect(model)
    known: T | None = session.identity_map.get(mapper.identity_key_from_primary_key((row.store_id, row.id)))
    if known is None:
        object_ = model(**row._asdict())
        make_transient_to_detached(object_)
        session.add(object_)
        return object_
    for name, _ in _defaults(mapper.class_):
        set_committed_value(known, name, getattr(row, name))
    return known


@cache
def _defaults(model: Any) -> tuple[tuple[str, Any], ...]:
    """List a model's attributes with what makes the default of their column."""
    return tuple(
        (attribute.key, _default_factory(attribute.columns[0].default)) for attribute in sa.inspect(model).column_attrs
    )


def _default_factory(default: Any) -> Callable[[], Any]:
    if default is None:
        return lambda: None
    return (lambda: default.arg(None)) if default.is_callable else (lambda: default.arg)


def _returning_id(new: Any) -> Any:
    return new.returning(new.table.c.id)
