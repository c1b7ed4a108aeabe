"""Run a statement as a whole transaction in one round trip, on the two busiest paths; PostgreSQL only.

An ordinary transaction costs three round trips: to begin it and name the store, to ask, to end it. PostgreSQL runs a
prepared statement that comes alone as a transaction of its own, so here the statement itself names whose rows it may
see, in its first line (`FOR_STORE`, `FOR_ALL`), and takes what it needs from that line's value: row-level security is
applied only after the store is set. Set too late, it would show nothing rather than another store's rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.db import postgres
from core.db.database import Database

FOR_STORE = "with named as materialized (select set_config('app.store', $1, true)::bigint as store_id)"
"""The first line of a statement that sees one store's rows; `$1` is the store's id, `named.store_id` as well."""
FOR_ALL = "with named as materialized (select set_config('app.system', 'on', true) as is_on)"
"""The first line of a statement that sees the rows of all stores, once it has read `named.is_on`."""
_SUCCESS = (1, 2)  # libpq's PGRES_COMMAND_OK and PGRES_TUPLES_OK; psycopg is imported only where PostgreSQL is used
_SQLSTATE = ord("C")  # libpq's PG_DIAG_SQLSTATE
# A connection has not prepared it yet, or no longer: psycopg forgets all statements with a rollback (3.3, 2026-11).
_NOT_PREPARED = b"26000"


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """A statement as PostgreSQL reads it: `text` with parameters $1, $2 …, prepared under `name` where it is asked."""

    name: str
    text: str


def execute(db: Database, statement: PreparedStatement, *values: str) -> list[list[bytes | None]]:
    """Run a statement and commit; give its rows, each value as PostgreSQL writes it. Raises SQLAlchemy's errors."""
    given = [value.encode() for value in values]
    with postgres.driver_connection(db.engine) as raw:
        response = raw.pgconn.exec_prepared(statement.name.encode(), given)
        if response.error_field(_SQLSTATE) == _NOT_PREPARED:
            _check(raw.pgconn.prepare(statement.name.encode(), statement.text.encode()))
            response = raw.pgconn.exec_prepared(statement.name.encode(), given)
        _check(response)
        return [
            [response.get_value(row, column) for column in range(response.nfields)] for row in range(response.ntuples)
        ]


def _check(response: Any) -> Any:
    if response.status not in _SUCCESS:
        from psycopg import OperationalError
        from psycopg.errors import error_from_result

        if not response.error_field(_SQLSTATE):  # libpq's own words: the server went away before it could say anything
            raise OperationalError("the connection was lost")
        raise error_from_result(response)
    return response
