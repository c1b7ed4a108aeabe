"""Brings the database to the newest schema; several processes may try at once."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations
from core.db import Database

_LOCK = 0x4146_5445_5243  # any constant: the advisory lock all our migrations share


def _alembic(connection: sa.Connection | None = None) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


def upgrade(db: Database) -> None:
    """Run every missing migration in one transaction; a second process waits, then finds nothing to do."""
    with db.engine.execution_options(write=True).begin() as connection:
        if not db.is_sqlite:
            connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            connection.execute(sa.text("select set_config('app.system', 'on', true)"))
        if not _is_newer(connection):
            command.upgrade(_alembic(connection), "head")


def is_current(db: Database) -> bool:
    """Say whether the database has every migration this code knows; a newer release's has them all, and more."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    with db.engine.execution_options(write=False).connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        return revision == head or _is_newer(connection)


def _is_newer(connection: sa.Connection) -> bool:
    """Say whether a newer release migrated this database: its revision is none we know."""
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}
    return revision is not None and revision not in known


def differences(db: Database) -> list[object]:
    """List how the database differs from the models; empty means that migrations tell the same story."""
    from alembic.autogenerate import compare_metadata

    from core.models import metadata

    with db.engine.execution_options(write=False).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))
