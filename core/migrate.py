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
        command.upgrade(_alembic(connection), "head")


def is_current(db: Database) -> bool:
    """Say whether the database has every migration this code knows."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    with db.engine.execution_options(write=False).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def differences(db: Database) -> list[object]:
    """List how the database differs from the models; empty means that migrations tell the same story."""
    from alembic.autogenerate import compare_metadata

    from core.models import metadata

    with db.engine.execution_options(write=False).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))
