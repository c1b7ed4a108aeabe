"""Brings the database to the newest schema; several processes may try at once.

Alembic is imported only to migrate: with what it brings along it is a tenth of a web process's start, which only
wants to know whether the schema is ours (`python -X importtime`, alembic 1.20, 2026-11).
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import migrations
from core.db.database import Database

_FOLDER = Path(migrations.__file__).parent
_LOCK = 0x4146_5445_5243  # any constant: the advisory lock all our migrations share


def _alembic(connection: sa.Connection) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def upgrade(db: Database) -> None:
    """Run every missing migration in one transaction; a second process waits, then finds nothing to do."""
    with db.engine.execution_options(write=True).begin() as connection:
        if not db.is_sqlite:
            connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            connection.execute(sa.text("select set_config('app.system', 'on', true)"))
        if not _is_newer(_revision(connection)):
            from alembic import command

            command.upgrade(_alembic(connection), "head")


def is_current(db: Database) -> bool:
    """Say whether the database has every migration this code knows; a newer release's has them all, and more."""
    with db.engine.execution_options(write=False).connect() as connection:
        revision = _revision(connection)
    return revision == known()[-1] or _is_newer(revision)


@cache
def known() -> list[str]:
    """List the revisions this code knows, the newest last; a migration's file begins with its number."""
    return sorted(path.name.partition("_")[0] for path in _FOLDER.glob("versions/[0-9]*.py"))


def _revision(connection: sa.Connection) -> str | None:
    """Read which migration the database had last; None for an empty database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(sa.text("select version_num from alembic_version")).scalar()
    return revision


def _is_newer(revision: str | None) -> bool:
    """Say whether a newer release migrated this database: its revision is none we know."""
    return revision is not None and revision not in known()


def differences(db: Database) -> list[object]:
    """List how the database differs from the models; empty means that migrations tell the same story."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from core.schema.models import metadata

    with db.engine.execution_options(write=False).connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index")
        opts = {"compare_type": True, "include_object": _is_comparable}
        context = MigrationContext.configure(connection, opts=opts)
        return list(compare_metadata(context, metadata))


def _is_comparable(thing: Any, _name: str | None, kind: str, _is_reflected: bool, _other: Any) -> bool:
    """Leave indexes on expressions out: SQLite's cannot be read back, and PostgreSQL writes theirs in its own words."""
    return kind != "index" or all(isinstance(part, sa.Column) for part in thing.expressions)
