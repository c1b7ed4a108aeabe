"""Many rows at once, the same on both engines: a list of ids as one parameter, and an update of many rows in one
statement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session


def among(session: Session, column: Any, ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """Give the condition that `column` is one of these ids.

    One parameter, whatever their number: IN with 500 of them spends more on naming parameters than on rows, and is a
    new statement for each number (benchmarks.p4_sweep, 2026-11).
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
    # One array a column: a third of the time of an executemany, and the text is the same for any number of rows.
    names = ["id", *columns]
    arrays = {name: sa.bindparam(name, [row[name] for row in rows], ARRAY(table.c[name].type)) for name in names}
    new = (
        sa.func.unnest(*(arrays[name] for name in names))
        .table_valued(*(sa.column(name, table.c[name].type) for name in names), name="new")
        .render_derived()
    )
    mine = sa.and_(table.c.store_id == store_id, table.c.id == new.c.id)
    session.execute(sa.update(table).where(mine).values({name: new.c[name] for name in columns}))
