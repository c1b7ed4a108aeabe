"""Read, insert or update many rows by one statement, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB
from sqlalchemy.orm import Session

from core.db.postgres import compile_statement, run

_NO_COLUMNS: Mapping[str, Any] = MappingProxyType({})


def id_in(session: Session, column: Any, ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """Give the condition that `column` is one of these ids.

    One parameter, whatever their number: IN is a new statement for each number of ids, with a parameter for each.
    """
    dialect = session.get_bind().dialect.name
    return _id_in_text(dialect, column, sa.bindparam(None, _ids_as_text(dialect, ids), sa.Text(), unique=True))


def read_rows(
    session: Session, table: sa.Table, columns: tuple[str, ...], store_id: int, key: str, ids: Sequence[int]
) -> list[Any]:
    """Read these columns of one store's rows whose column `key` is one of the ids; give named tuples, in no order."""
    dialect = session.get_bind().dialect.name
    values = {"of_store": store_id, "ids": _ids_as_text(dialect, ids)}
    found = run(session.connection(), _select(dialect, table, columns, key), values)
    # SQLAlchemy's rows look each attribute up by name: with thirty of them that is most of making a parcel.
    return list(map(_row_maker(columns), found))


@cache
def _row_maker(columns: tuple[str, ...]) -> Callable[[Any], Any]:
    return namedtuple("Row", columns)._make  # type: ignore[attr-defined]


def update_rows(session: Session, table: sa.Table, store_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update one store's rows: each mapping has `id` and the same other columns with their new values."""
    if not rows:
        return
    if session.get_bind().dialect.name == "postgresql":
        text, constants = _update_text(table, tuple(rows[0]))
        values = {
            "rows": _to_json(rows),
            "ids": _ids_as_text("postgresql", [row["id"] for row in rows]),
            "of_store": store_id,
        }
        session.connection().exec_driver_sql(text, constants | values)
        return
    columns = [name for name in rows[0] if name != "id"]
    mine = sa.and_(table.c.store_id == store_id, table.c.id == sa.bindparam("id_"))
    changed = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    given = [{"id_": row["id"]} | {f"new_{name}": row[name] for name in columns} for row in rows]
    session.connection().execute(sa.update(table).where(mine).values(changed), given)


def insert_new(
    session: Session, table: sa.Table, rows: Sequence[Mapping[str, Any]], shared: Mapping[str, Any] = _NO_COLUMNS
) -> set[int]:
    """Insert the rows that meet no unique key; give the ids of those. All rows have the same columns."""
    return {row.id for row in insert_rows(session, table, rows, _do_nothing_on_conflict, shared)}


def insert_rows(
    session: Session,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    finish: Callable[[Any], Any],
    shared: Mapping[str, Any] = _NO_COLUMNS,
) -> Sequence[sa.Row[Any]]:
    """Insert rows of the same columns; `finish` says what becomes of those that are there, and what is given back.

    `shared` has further columns, whose value all the rows have: it is sent once. A column that is not named is null,
    whatever its default.

    `finish` gets the INSERT and completes it; the same function always in the same way, for it is asked once.
    """
    if session.get_bind().dialect.name == "postgresql":
        text, constants = _insert_text(table, tuple(rows[0]), tuple(shared), finish)
        folded = {"rows": _to_json(rows)} | ({"shared": _to_json([shared])} if shared else {})
        return session.connection().exec_driver_sql(text, constants | folded).all()
    return session.connection().execute(finish(sqlite.insert(table)), [{**row, **shared} for row in rows]).all()


def _do_nothing_on_conflict(new: Any) -> Any:
    return new.on_conflict_do_nothing().returning(new.table.c.id)


# PostgreSQL unfolds rows from one JSON text: the statement is the same for any number of rows, so it is written once,
# and the driver prepares it. Under a profiler a transaction of 8 jobs took 12.7 ms with VALUES, 7.3 with one array a
# column, 4.2 like this (psycopg 3.3, 2026-11).


@cache
def _insert_text(
    table: sa.Table, columns: tuple[str, ...], shared: tuple[str, ...], finish: Callable[[Any], Any]
) -> tuple[str, dict[str, Any]]:
    each = _table_from_json(table, columns, "rows")
    chosen = sa.select(*(each.c[name] for name in columns))
    if shared:
        every = _table_from_json(table, shared, "shared")
        chosen = chosen.add_columns(*(every.c[name] for name in shared)).select_from(each.join(every, sa.true()))
    new = postgresql.insert(table).from_select([*columns, *shared], chosen, include_defaults=False)
    return compile_statement(finish(new))


@cache
def _update_text(table: sa.Table, columns: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    new = _table_from_json(table, columns, "rows")
    mine = sa.and_(table.c.store_id == sa.bindparam("of_store"), table.c.id == new.c.id)
    # Beside the join: PostgreSQL expects a hundred rows of any JSON and would read a small table whole for one of them
    # (PostgreSQL 18, a store of 1,000 orders, 2026-11).
    mine = sa.and_(mine, _id_in_text("postgresql", table.c.id, sa.bindparam("ids", type_=sa.Text())))
    return compile_statement(
        sa.update(table).where(mine).values({name: new.c[name] for name in columns if name != "id"})
    )


@cache
def _select(dialect: str, table: sa.Table, columns: tuple[str, ...], key: str) -> sa.Select[Any]:
    mine = _id_in_text(dialect, table.c[key], sa.bindparam("ids", type_=sa.Text()))
    return sa.select(*(table.c[name] for name in columns)).where(table.c.store_id == sa.bindparam("of_store"), mine)


def _id_in_text(dialect: str, column: Any, ids: sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    if dialect == "postgresql":
        # As rows, not ANY: where PostgreSQL reads a whole table, it looks through an array anew for each row of it.
        return column.in_(sa.select(sa.func.unnest(sa.cast(ids, ARRAY(sa.BigInteger)))))
    each = sa.func.json_each(ids).table_valued("value")
    return column.in_(sa.select(sa.cast(each.c.value, sa.BigInteger)))


def _ids_as_text(dialect: str, ids: Sequence[int]) -> str:
    # As text: the driver takes a list apart in Python, a microsecond or two for each id (psycopg 3.3, 2026-11).
    numbers = ",".join(map(str, ids))
    return f"{{{numbers}}}" if dialect == "postgresql" else f"[{numbers}]"


def _table_from_json(table: sa.Table, columns: Sequence[str], name: str) -> Any:
    """Give the parameter `name`, rows as JSON, as a table."""
    typed = (sa.column(one, JSONB() if _is_json(table, one) else table.c[one].type) for one in columns)
    rows = sa.func.json_to_recordset(sa.cast(sa.bindparam(name, type_=sa.Text()), JSON))
    return rows.table_valued(*typed, name=f"new_{name}").render_derived(with_types=True)


def _to_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), default=str)  # times and days, as PostgreSQL reads them


def _is_json(table: sa.Table, name: str) -> bool:
    return isinstance(table.c[name].type, sa.JSON)
