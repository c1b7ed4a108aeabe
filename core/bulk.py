"""Many rows at once, the same on both engines: a list of ids as one parameter, and an update of many rows in one
statement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from core.db import insert


def among(session: Session, column: Any, ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """Give the condition that `column` is one of these ids.

    One parameter, whatever their number: IN is a new statement for each number of ids, with a parameter for each.
    """
    if session.get_bind().dialect.name == "postgresql":
        every = sa.bindparam(None, list(ids), ARRAY(sa.BigInteger), unique=True)
        return column == sa.func.any(every)
    each = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(sa.select(sa.cast(each.c.value, sa.BigInteger)))


def update_rows(session: Session, table: sa.Table, store_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update one store's rows: each mapping has `id` and the same other columns with their new values."""
    if not rows:
        return
    columns = [name for name in rows[0] if name != "id"]
    if session.get_bind().dialect.name != "postgresql":
        mine = sa.and_(table.c.store_id == store_id, table.c.id == sa.bindparam("id_"))
        values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
        given = [{"id_": row["id"]} | {f"new_{name}": row[name] for name in columns} for row in rows]
        session.connection().execute(sa.update(table).where(mine).values(values), given)
        return
    new = _unnested(table, rows)
    mine = sa.and_(table.c.store_id == store_id, table.c.id == new.c.id)
    session.execute(sa.update(table).where(mine).values({name: new.c[name] for name in columns}))


def insert_new(session: Session, table: Any, rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Insert the rows that meet no unique key; give the ids of those. All rows have the same columns."""
    new = insert(session, table)
    if session.get_bind().dialect.name != "postgresql":
        return set(session.scalars(new.on_conflict_do_nothing().returning(table.c.id), list(rows)))
    given = _unnested(table, rows)
    fresh = new.from_select(list(rows[0]), sa.select(*(given.c[name] for name in rows[0])))
    return set(session.scalars(fresh.on_conflict_do_nothing().returning(table.c.id)))


def _unnested(table: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Give rows as a table PostgreSQL unfolds from one array a column.

    The driver writes an array in one go, and the statement's text is the same for any number of rows.
    """
    types = {name: JSONB() if isinstance(table.c[name].type, sa.JSON) else table.c[name].type for name in rows[0]}
    arrays = (sa.bindparam(name, [row[name] for row in rows], ARRAY(kind)) for name, kind in types.items())
    columns = (sa.column(name, kind) for name, kind in types.items())
    return sa.func.unnest(*arrays).table_valued(*columns, name="new").render_derived()
